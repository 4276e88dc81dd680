/** Asks the service what a launch would be, a moment after the last change; an answer that came too late is dropped. */

import { post } from "./api.js";

const WAIT_MS = 300;
const RETRY_MS = 3000;

/** @typedef {{count: number, recipes: number, runs: {name: string, seed: number, differs: Object<string, any>}[], parents: {name: string, seed: number}[],
 *   seconds: number|null, run_seconds: [number, number]|null, device: string, workers: number, basis: string,
 *   memory_bytes: number|null, device_memory_bytes: number|null, warning: string|null, needs_confirmation: string|null, differs: {path: string, preset: any, value: any}[],
 *   missing: {what: string, sentence: string, command: string}[], ready: boolean, snippets: {curl: string, cli: string, python: string}}} Preview */

/** @param {{read: () => any, onAsked: () => void, onAnswer: (preview: Preview) => void, onRefused: (problem: any) => void}} options
 *  `read` gives the body as it is now, or null where there is none to ask about */
export function createPreview({ read, onAsked, onAnswer, onRefused }) {
  /** @type {ReturnType<typeof setTimeout>|undefined} */ let timer;
  /** Counts the questions: only the answer to the last one is shown. */
  let asked = 0;

  const ask = async () => {
    asked += 1;
    const mine = asked;
    const body = read();
    if (body === null) return;
    try {
      const answer = await post("/api/launches/preview", body);
      if (mine === asked) onAnswer(answer);
    } catch (problem) {
      if (mine !== asked) return;
      onRefused(problem);
      if (problem.status === 0) soon(RETRY_MS); // what was typed is still here once the service is back
    }
  };

  /** @param {number} [waitMs] */
  const soon = (waitMs = WAIT_MS) => {
    clearTimeout(timer);
    asked += 1; // what is under way is of another form by now
    onAsked();
    timer = setTimeout(ask, waitMs);
  };
  return { soon };
}

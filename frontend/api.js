/** JSON over HTTP: every failure becomes an ApiError whose message is one sentence for people. */

export class ApiError extends Error {
  /** @param {string} message @param {number} status 0 where no answer came @param {string} kind */
  constructor(message, status, kind) {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

/** Whether a failure is the service's or the way's to it, which a later try may not meet; else it is a refusal. */
export const mayPass = (/** @type {ApiError} */ { status }) => status === 0 || status >= 500;

let serverAheadMs = 0;

/** The server's clock, so that "3 min ago" is true where this computer's clock is not. */
export const serverNow = () => Date.now() + serverAheadMs;

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export const get = (path, signal) => request(path, { signal });

/** @param {string} path @param {unknown} [body] @param {Object<string, string>} [headers] @returns {Promise<any>} */
export const post = (path, body, headers = {}) =>
  request(path, {
    method: "POST",
    headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });

/** @param {string} path @returns {Promise<any>} */
export const remove = (path) => request(path, { method: "DELETE" });

/** @param {string} path @param {RequestInit} options */
async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options });
  } catch (problem) {
    if (problem instanceof DOMException && problem.name === "AbortError") throw problem;
    throw new ApiError("The server cannot be reached; check that `runyard up` is running, then try again.", 0, "Network");
  }
  readClock(response.headers.get("Date"));
  const answer = await readJson(response);
  if (response.ok && answer !== undefined) return answer;
  if (response.status === 401) logIn();
  const error = answer?.error ?? {};
  throw new ApiError(error.message ?? unexplained(response.status), response.status, error.kind ?? "Unknown");
}

/** A login that ended, or was never there: to the login page, and back here afterwards. */
function logIn() {
  if (location.pathname === "/login") return; // its own refusals are told there
  const here = location.pathname + location.search + location.hash;
  location.replace(`/login?next=${encodeURIComponent(here)}`);
}

/** @param {Response} response @returns {Promise<any>} undefined where the body is no JSON */
async function readJson(response) {
  try {
    return await response.json();
  } catch {
    return undefined; // a proxy's page: the status alone tells what happened
  }
}

/** @param {number} status */
const unexplained = (status) =>
  status >= 500
    ? `The server failed (HTTP ${status}) without saying why; its log does.`
    : `The server refused this (HTTP ${status}) without saying why.`;

/** The header counts whole seconds: a difference below two says nothing. @param {string|null} date */
function readClock(date) {
  const ahead = date ? Date.parse(date) - Date.now() : NaN;
  if (Number.isFinite(ahead)) serverAheadMs = Math.abs(ahead) < 2000 ? 0 : ahead;
}

/** The files of the last checkpoint: how large, their SHA-256, and where they are downloaded from. */

import { get, mayPass } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { copyButton } from "./copy.js";
import { byId, element, setText } from "./dom.js";
import { size } from "./environment-facts.js";
import { placeText } from "./format.js";

/** @typedef {{epoch: number, step: number, part: "weights"|"state", bytes: number, sha256: string, href: string}} Checkpoint */

const REFRESH_MS = 10_000; // one is made every half minute or so
const NONE = "None: the first is made some time after the start, or with the last epoch.";
const NEVER = "None: it ended before the first was made.";
const PARTS = { weights: "Weights (safetensors)", state: "Optimizer and random states (PyTorch)" };

/** @param {number} run */
export function createCheckpoints(run) {
  let shown = "";
  let over = false;

  const load = async () => {
    try {
      const found = await get(`/api/runs/${run}/checkpoints`);
      show(found, found.length ? "" : over ? NEVER : NONE);
    } catch (problem) {
      if (mayPass(problem)) throw problem;
      show([], problem.message); // it lies on another machine, say
    }
  };

  /** @param {Checkpoint[]} files @param {string} remark */
  const show = (files, remark) => {
    byId("checkpoints-empty").hidden = !remark;
    setText(byId("checkpoints-empty"), remark);
    setText(byId("checkpoints-text"), files.length ? `of ${placeText(files[0].epoch, files[0].step)}` : "");
    const key = JSON.stringify(files);
    if (key === shown) return;
    shown = key;
    byId("checkpoints").replaceChildren(...files.map(fileRow));
  };

  const loadSoon = createCoalescer(load, REFRESH_MS);
  /** @param {boolean} isOver whether the run is over: no other file will come */
  const follow = (isOver) => {
    over = isOver;
    loadSoon();
  };
  return { follow };
}

/** @param {Checkpoint} file */
function fileRow({ part, bytes, sha256, href, epoch, step }) {
  const name = PARTS[part] ?? part;
  const link = element("a", { href, download: true, "aria-label": `Download ${name}, ${placeText(epoch, step)}`, text: "Download" });
  const digest = element("span", { class: "muted small" }, "SHA-256 ", element("code", { title: sha256, text: sha256.slice(0, 12) }));
  return element(
    "li",
    { "data-part": part },
    element("span", { class: "file", text: name }),
    element("span", { class: "bytes", text: size(bytes) }),
    element("span", { class: "digest" }, digest, copyButton("Copy", () => sha256, `Copy the SHA-256 of ${name}`)),
    link,
  );
}

/** The reports that people made, beside the contents: links that can be shared, and the way to a new one. */

import { get } from "./api.js";
import { element } from "./dom.js";

/** @param {HTMLElement} place @param {(message: string) => void} onError */
export async function createOwnList(place, onError) {
  const list = element("ul");
  const fresh = element("a", { href: "/report?own=new", text: "New report…" });
  place.append(element("h2", { text: "Your reports" }), list, fresh);
  try {
    const { reports } = await get("/api/own-reports");
    list.replaceChildren(...reports.map((/** @type {{id: number, title: string}} */ { id, title }) => element("li", {}, element("a", { href: `/report?own=${id}`, text: title }))));
  } catch (problem) {
    onError(problem.message);
  }
}

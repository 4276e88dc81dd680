/** The way out: a quiet button at the end of the header, the same on every page. */

import { post } from "./api.js";
import { element } from "./dom.js";

/** @param {(message: string) => void} onError */
export function addLogOut(onError) {
  const leave = async () => {
    try {
      await post("/api/logout");
      location.replace("/login");
    } catch (problem) {
      onError(/** @type {Error} */ (problem).message);
    }
  };
  const button = element("button", { class: "quiet log-out", type: "button", text: "Log out", onclick: leave });
  document.querySelector(".standing")?.append(button);
}

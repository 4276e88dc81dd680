/** One-key commands, silent while someone types, and dialogs that close by their own buttons. */

/** @param {Object<string, () => void>} commands by `KeyboardEvent.key` */
export function listenForKeys(commands) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.repeat && event.key === "n") return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const command = commands[event.key];
    if (!command) return;
    event.preventDefault();
    command();
  });
}

/** Let [data-close] and a click on the backdrop close a dialog. @param {HTMLDialogElement} dialog @param {boolean} byBackdrop */
export function closable(dialog, byBackdrop) {
  dialog.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("[data-close]") || (byBackdrop && target === dialog)) dialog.close();
  });
}

/** @param {EventTarget|null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

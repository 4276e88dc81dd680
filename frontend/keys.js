/** One-key commands, silent while someone types, and dialogs that close by their own buttons. */

/** Keys that lead to a page from everywhere, where the page has no command of its own for them. */
const PAGES = /** @type {Object<string, string>} */ ({ n: "/launch", u: "/", r: "/report", w: "/workers" });
/** A key that is held down launches once. */
const ONCE = ["n", "m"];
/** Inputs that take no letters. */
const NOT_TYPED = ["checkbox", "radio", "range", "button", "submit"];

/** @param {Object<string, () => void>} commands by `KeyboardEvent.key` */
export function listenForKeys(commands) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || (event.repeat && ONCE.includes(event.key))) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const page = PAGES[event.key];
    const command = commands[event.key] ?? (page && page !== location.pathname ? () => location.assign(page) : undefined);
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
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && NOT_TYPED.includes(target.type)) return false;
  return target.isContentEditable || target.matches("input, textarea, select");
}

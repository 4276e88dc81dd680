/** Small hands on the DOM: make an element, write a text, and nothing that parses markup. */

/** @param {string} id @returns {any} the element; a missing one is a mistake in the page */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element #${id}.`);
  return found;
}

/** Make an element; `text` becomes its text, `on…` its listeners, the rest its attributes.
 *  @param {string} tag
 *  @param {Object<string, any>} [properties] null and false leave the attribute out
 *  @param {...(Node|string)} children
 *  @returns {any} */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/** Write only what changed, so that a selection inside survives. @param {Node} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {Element} node @param {string} name @param {string|null} value null removes it */
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** Children by key: made once, then changed in place; gone ones are taken out, the rest follow the order of the items.
 *  @template T
 *  @param {Element} parent
 *  @param {(item: T, index: number) => string|number} keyOf no two items share a key
 *  @param {(item: T) => {node: any, update: (item: T) => void}} create
 *  @returns {(items: T[]) => void} */
export function createList(parent, keyOf, create) {
  /** @type {Map<string|number, {node: any, update: (item: T) => void}>} */ const made = new Map();
  return (items) => {
    const keys = items.map(keyOf);
    for (const [key, { node }] of made) {
      if (keys.includes(key)) continue;
      node.remove();
      made.delete(key);
    }
    items.forEach((item, index) => {
      const child = made.get(keys[index]) ?? create(item);
      made.set(keys[index], child);
      child.update(item);
      if (parent.children[index] !== child.node) parent.insertBefore(child.node, parent.children[index] ?? null);
    });
  };
}

/** A name and its value, of a list of facts; the item is both. */
export function createFact() {
  const name = element("dt");
  const value = element("dd");
  const update = (/** @type {[string, string]} */ [title, text]) => {
    setText(name, title.toLowerCase());
    setText(value, text);
  };
  return { node: element("div", {}, name, value), update };
}

/** A state dot with its words; `show` updates both in place. */
export function stateLabel() {
  const words = element("span");
  const node = element("span", { class: "state" }, element("i", { class: "dot", "aria-hidden": "true" }), words);
  /** @param {string} state @param {string} text @param {string|null} [title] */
  const show = (state, text, title = null) => {
    setAttribute(node, "data-state", state);
    setAttribute(node, "title", title);
    setText(words, text);
  };
  return { node, show };
}

/** A cell of a table whose rows are blocks on a phone. @param {string} classes @param {...Node} children */
export const cell = (classes, ...children) => element("td", { role: "cell", class: classes }, ...children);

/** @param {string} [label] for a screen reader */
export const progressBar = (label = "Progress") =>
  element("div", { class: "progress", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 }, element("i"));

/** @param {HTMLElement} bar a .progress @param {number|null} fraction null hides it @param {string} text for a screen reader */
export function showProgress(bar, fraction, text) {
  bar.hidden = fraction === null;
  if (fraction === null) return;
  bar.setAttribute("aria-valuenow", String(Math.round(fraction * 100)));
  bar.setAttribute("aria-valuetext", text);
  /** @type {HTMLElement} */ (bar.firstElementChild).style.transform = `scaleX(${fraction.toFixed(4)})`;
}

/** Rows by key in a given order: made once, changed in place, and never moved from under whoever types in one. */

/** @typedef {{node: HTMLElement, update: (item: any) => void}} Row */

/** @template T
 *  @param {HTMLElement} body @param {(item: T) => number} keyOf @param {(item: T) => Row} create */
export function createRows(body, keyOf, create) {
  /** @type {Map<number, Row>} */ const rows = new Map();

  /** @param {T[]} items */
  return (items) => {
    const keys = new Set(items.map(keyOf));
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      row.node.remove();
      rows.delete(key);
    }
    const wanted = items.map((item) => {
      const key = keyOf(item);
      const row = rows.get(key) ?? create(item);
      rows.set(key, row);
      row.update(item);
      return row.node;
    });
    arrange(body, wanted);
  };
}

/** Bring nodes into an order, and leave the focus where it is.
 *  @param {HTMLElement} body @param {HTMLElement[]} nodes */
function arrange(body, nodes) {
  const focused = /** @type {HTMLElement|null} */ (document.activeElement);
  const typing = nodes.findIndex((node) => focused?.matches("input") && node.contains(focused));
  if (typing >= 0) arrangeAround(nodes, typing);
  else arrangeAll(body, nodes);
  if (focused && focused !== document.activeElement && body.contains(focused)) focused.focus({ preventScroll: true });
}

/** Move as few nodes as may be: one, where one goes elsewhere. @param {HTMLElement} body @param {HTMLElement[]} nodes */
function arrangeAll(body, nodes) {
  let here = body.firstElementChild;
  for (const node of nodes) {
    if (here !== node && here?.nextElementSibling !== node) {
      body.insertBefore(node, here);
      continue;
    }
    here = node.nextElementSibling; // what was skipped goes further down, and is put there when its turn comes
  }
}

/** Move all others around the node that someone types in: what is typed would be sent as it is moved.
 *  @param {HTMLElement[]} nodes @param {number} anchor its index */
function arrangeAround(nodes, anchor) {
  for (let index = anchor - 1; index >= 0; index -= 1) {
    if (nodes[index].nextElementSibling !== nodes[index + 1]) nodes[index + 1].before(nodes[index]);
  }
  for (let index = anchor + 1; index < nodes.length; index += 1) {
    if (nodes[index - 1].nextElementSibling !== nodes[index]) nodes[index - 1].after(nodes[index]);
  }
}

/** Moves a row by its handle, with mouse, pen or finger; who has none of these uses the buttons beside it. */

const EDGE_PIXELS = 50;
const HEADER_PIXELS = 48;
const SCROLL_PIXELS = 10;
const MEANT_PIXELS = 6;

/** @typedef {{handle: Element, pointer: number, row: HTMLElement, rows: HTMLElement[], middles: number[], from: number, to: number,
 *    grabbedAt: number, grabbedY: number, y: number}} Drag middles and grabbedAt are measured on the page, y and grabbedY in the window */

/** Where a row dragged by so many pixels would stand: after all whose middle its own has passed. Pure.
 *  @param {number[]} middles of all rows, in their order @param {number} from its index @param {number} by pixels */
export function placeOf(middles, from, by) {
  const middle = middles[from] + by;
  return middles.filter((other, index) => index !== from && (index < from ? other < middle : other <= middle)).length;
}

/** @param {HTMLElement} body of the table @param {{onDrop: (row: HTMLElement, next: HTMLElement|null) => void, onEnd: () => void}} options
 *  onDrop is told the row before which it was dropped, null for the end; onEnd comes after every drag
 *  @returns {{isDragging: () => boolean}} */
export function createDrag(body, { onDrop, onEnd }) {
  /** @type {Drag|null} */ let drag = null;

  /** The row follows the pointer, and those that it passed make room. */
  const follow = () => {
    if (!drag) return;
    const by = drag.y + scrollY - drag.grabbedAt;
    const { row, rows, from } = drag;
    const to = placeOf(drag.middles, from, by);
    drag.to = to;
    row.style.transform = `translateY(${by}px)`;
    rows.forEach((other, index) => {
      if (other === row) return;
      const step = index > from && index <= to ? -1 : index < from && index >= to ? 1 : 0;
      other.style.transform = step ? `translateY(${step * row.offsetHeight}px)` : "";
    });
  };

  const scroll = () => {
    if (!drag) return;
    const before = scrollY;
    const towards = drag.y < EDGE_PIXELS + HEADER_PIXELS ? -1 : drag.y > innerHeight - EDGE_PIXELS ? 1 : 0;
    // Not for a row that was grabbed at the edge: only for a pointer that went there.
    const isMeant = towards * (drag.y - drag.grabbedY) > MEANT_PIXELS;
    if (isMeant) scrollBy({ top: towards * SCROLL_PIXELS, behavior: "instant" });
    if (scrollY !== before) follow();
    requestAnimationFrame(scroll);
  };

  /** @param {boolean} dropped */
  const end = (dropped) => {
    if (!drag) return;
    const { row, rows, handle, pointer, from, to } = drag;
    drag = null;
    if (handle.hasPointerCapture(pointer)) handle.releasePointerCapture(pointer);
    body.classList.remove("sorting");
    row.classList.remove("dragging");
    for (const one of rows) one.style.transform = "";
    if (dropped && to !== from) onDrop(row, rows.filter((one) => one !== row)[to] ?? null);
    onEnd();
  };

  body.addEventListener("pointerdown", (event) => {
    const handle = /** @type {Element} */ (event.target).closest("[data-handle]");
    const row = handle?.closest("tr");
    if (!handle || !row || event.button !== 0 || drag) return;
    event.preventDefault(); // no text is marked on the way
    handle.setPointerCapture(event.pointerId);
    const rows = /** @type {HTMLElement[]} */ ([...body.children]);
    const middles = rows.map((one) => one.getBoundingClientRect()).map(({ top, height }) => top + scrollY + height / 2);
    const y = event.clientY;
    drag = { handle, pointer: event.pointerId, row, rows, middles, from: rows.indexOf(row), to: rows.indexOf(row), grabbedAt: y + scrollY, grabbedY: y, y };
    body.classList.add("sorting");
    row.classList.add("dragging");
    requestAnimationFrame(scroll);
  });
  body.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drag?.pointer) return;
    drag.y = event.clientY;
    follow();
  });
  body.addEventListener("pointerup", (event) => event.pointerId === drag?.pointer && end(true));
  body.addEventListener("pointercancel", (event) => event.pointerId === drag?.pointer && end(false));
  addEventListener("keydown", (event) => event.key === "Escape" && end(false));
  addEventListener("blur", () => end(false));

  return { isDragging: () => drag !== null };
}

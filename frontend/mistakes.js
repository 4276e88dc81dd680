/** The wrongly classified images that the network was surest of, as a grid of pictures. */

import { byId, createList, element, setAttribute, setText } from "./dom.js";
import { mistakesText, mistakeText, pictureText, sureness } from "./mistakes-model.js";

/** @typedef {import("./mistakes-model.js").Mistake} Mistake */
/** @typedef {import("./mistakes-model.js").Mistakes} Mistakes */

const SIDE = 96;
const HOVERS = matchMedia("(hover: hover)").matches;
const AT_FIRST = matchMedia("(max-width: 760px)").matches ? 12 : 20;

export function createMistakes() {
  const place = byId("mistaken");
  const more = byId("mistakes-more");
  const list = createList(byId("mistakes"), (/** @type {Mistake} */ { number }) => number, createTile);
  /** @type {Mistake[]} */ let images = [];
  let all = false;
  let shownWhich = "";
  /** What came while the pointer was on the pictures: they are not to change under it. @type {Mistakes|null} */ let held = null;

  const showList = () => {
    list(all ? images : images.slice(0, AT_FIRST));
    more.hidden = images.length <= AT_FIRST;
    setText(more, all ? "Show fewer" : `Show all ${images.length}`);
    setAttribute(more, "aria-expanded", String(all));
  };
  more.addEventListener("click", () => {
    all = !all;
    showList();
  });

  /** @param {Mistakes} found */
  const show = (found) => {
    held = null;
    place.hidden = false;
    setText(byId("mistakes-text"), mistakesText(found));
    images = found.images;
    showList();
  };
  place.addEventListener("mouseleave", () => held && show(held));

  return {
    /** @param {Mistakes} found @param {string} which epoch they are of: another choice is shown at once */
    show(found, which) {
      if (HOVERS && which === shownWhich && place.matches(":hover")) held = found;
      else show(found);
      shownWhich = which;
    },
    hide() {
      held = null;
      shownWhich = "";
      place.hidden = true;
    },
  };
}

function createTile() {
  const frame = element("div", { class: "picture" });
  const what = element("span", { class: "mistake" });
  const sure = element("span", { class: "sure" });
  const node = element("li", {}, frame, what, sure);
  /** @type {string|null|undefined} */ let shown;

  /** @param {Mistake} mistake */
  const update = (mistake) => {
    setText(what, mistakeText(mistake));
    setAttribute(what, "title", mistakeText(mistake));
    setText(sure, `${sureness(mistake.probability)} sure`);
    if (shown !== mistake.href) frame.replaceChildren(mistake.href ? picture(mistake.href) : element("span", { text: "no picture" }));
    shown = mistake.href;
    const image = frame.querySelector("img");
    if (image) setAttribute(image, "alt", pictureText(mistake));
  };
  return { node, update };
}

/** Small images keep their pixels where these become whole squares. @param {string} href */
function picture(href) {
  const image = element("img", { src: href, width: SIDE, height: SIDE, alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("load", () => image.classList.toggle("pixelated", SIDE % image.naturalWidth === 0));
  return image;
}

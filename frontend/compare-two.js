/** A panel of the Compare page that asks for two of what is compared. */

/**
 * Say which two are asked for, null where the panel is closed or has none to offer, and load what it shows of them.
 * @template T
 * @param {{panel: HTMLElement, selects: HTMLSelectElement[], offer: () => void, chosen: () => T, onChosen: (two: T|null) => void, load: () => unknown}} options
 *   `offer` fills the selects of a panel that is open
 */
export function watchTwo({ panel, selects, offer, chosen, onChosen, load }) {
  for (const select of selects) {
    select.addEventListener("change", () => {
      onChosen(chosen());
      void load();
    });
  }
  panel.addEventListener("toggle", () => {
    offer();
    onChosen(panel.open && selects[0].value ? chosen() : null);
    void load();
  });
}

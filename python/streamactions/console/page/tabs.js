/**
 * Tabs by the pattern of the ARIA Authoring Practices: one stop for the Tab key, arrows between
 * them, and the panel follows the tab that has the focus.
 */

export class Tabs {
  /** @type {HTMLElement[]} */
  #tabs;

  /**
   * @param {HTMLElement} list The `role="tablist"`; its tabs name their panels by `aria-controls`.
   * @param {(name: string) => void} [onSelect] Called with the `data-name` of a tab that a person
   *   has chosen.
   */
  constructor(list, onSelect = () => {}) {
    this.#tabs = [.../** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("[role=tab]"))];
    for (const [index, tab] of this.#tabs.entries()) {
      tab.addEventListener("click", () => {
        this.select(tab.dataset.name ?? "");
        onSelect(tab.dataset.name ?? "");
      });
      tab.addEventListener("keydown", (event) => {
        const target = this.#target(event.key, index);
        if (target === undefined) return;
        event.preventDefault();
        target.focus();
        target.click();
      });
    }
  }

  /** @param {string} name */
  select(name) {
    for (const tab of this.#tabs) {
      const isSelected = tab.dataset.name === name;
      tab.setAttribute("aria-selected", String(isSelected));
      tab.tabIndex = isSelected ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
      if (panel === null) continue;
      // Several tabs may share one panel, which then is always there.
      const isShared = this.#isShared(panel);
      if (!isShared) panel.hidden = !isSelected;
      if (!isShared || isSelected) panel.setAttribute("aria-labelledby", tab.id);
    }
  }

  /** @param {HTMLElement} panel */
  #isShared(panel) {
    return this.#tabs.every((tab) => tab.getAttribute("aria-controls") === panel.id);
  }

  /**
   * @param {string} key
   * @param {number} index
   */
  #target(key, index) {
    const count = this.#tabs.length;
    if (key === "ArrowRight") return this.#tabs[(index + 1) % count];
    if (key === "ArrowLeft") return this.#tabs[(index + count - 1) % count];
    if (key === "Home") return this.#tabs[0];
    if (key === "End") return this.#tabs[count - 1];
    return undefined;
  }
}

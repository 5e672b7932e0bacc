/**
 * Making elements.
 *
 * Whatever comes from an action, its stream or its schema goes through here and becomes text or an
 * attribute's value, never markup: there is no other way to make an element in this page.
 */

let nextId = 1;

/** An `id` that no other element has. */
export function uniqueId() {
  return `x${nextId++}`;
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes] A `false`,
 *   `null` or `undefined` leaves the attribute out; `true` makes it empty.
 * @param {...(Node | string | null)} children Texts become text.
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(name, String(value));
    }
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * An element of the page as it was written.
 *
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} id
 * @returns {Kind}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return /** @type {Kind} */ (found);
}

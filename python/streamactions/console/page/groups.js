/** Lists and objects of fields, as deep as the schema goes. */

import { element } from "./dom.js";
import { InputField, Problems, createHint } from "./fields.js";
import { firstValue, shapeOf, typeName } from "./schema.js";

/**
 * @import { Field } from "./fields.js"
 * @import { Schema, Shape } from "./schema.js"
 *
 * @typedef {object} Place Where a field stands in its form.
 * @property {Schema} root
 * @property {string} label
 * @property {boolean} isRequired
 * @property {unknown} initial
 * @property {number} depth
 */

/**
 * @param {Schema} schema
 * @param {Place} place
 * @returns {Field}
 */
export function createField(schema, place) {
  const shape = shapeOf(schema, place.root, place.depth);
  if (shape.kind === "object") return new ObjectField(shape, place);
  if (shape.kind === "list") return new ListField(shape, place);
  return new InputField({ ...place, shape });
}

/** What lists and objects share: a frame with a name, and problems of their own. */
class Group {
  #legend = element("span", { class: "name" });
  place;
  problems;
  node;

  /**
   * @param {Shape} shape
   * @param {Place} place
   * @param {string} type
   */
  constructor(shape, place, type) {
    this.place = place;
    this.label = place.label;
    const legend = element(
      "legend",
      {},
      this.#legend,
      element("span", { class: "type" }, place.isRequired ? type : `${type}, optional`),
    );
    this.node = element(
      "fieldset",
      { class: place.depth === 0 ? "outermost" : "", tabindex: -1 },
      // The outermost group is the input itself and needs no name.
      place.depth === 0 && !place.label ? null : legend,
      place.depth === 0 ? null : createHint(shape.schema),
    );
    this.problems = new Problems(this.node);
    this.#legend.textContent = place.label;
  }

  /** @param {string} label */
  rename(label) {
    this.label = label;
    this.#legend.textContent = label;
  }
}

/** @implements {Field} */
class ObjectField extends Group {
  /** @type {Map<string, Field>} */
  #members = new Map();

  /**
   * @param {Shape} shape
   * @param {Place} place
   */
  constructor(shape, place) {
    super(shape, place, "object");
    const values = asObject(place.initial ?? firstValue(shape.schema));
    const required = new Set(shape.schema.required ?? []);
    for (const [name, schema] of Object.entries(shape.schema.properties)) {
      const member = createField(schema, {
        root: place.root,
        label: name,
        isRequired: required.has(name),
        initial: Object.hasOwn(values, name) ? values[name] : undefined,
        depth: place.depth + 1,
      });
      this.#members.set(name, member);
      this.node.append(member.node);
    }
    this.node.append(this.problems.node);
  }

  read() {
    const entries = [...this.#members].map(([name, member]) => [name, member.read()]);
    const given = entries.filter(([, value]) => value !== undefined);
    return given.length === 0 && !this.place.isRequired ? undefined : Object.fromEntries(given);
  }

  /**
   * @param {string[]} path
   * @param {string} message
   */
  showProblem([name, ...rest], message) {
    const member = this.#members.get(name);
    if (member !== undefined) return member.showProblem(rest, message);
    this.problems.add(name === undefined ? message : `${[name, ...rest].join(".")}: ${message}`);
    return this.node;
  }

  clearProblems() {
    this.problems.clear();
    for (const member of this.#members.values()) member.clearProblems();
  }
}

/** @implements {Field} */
class ListField extends Group {
  /** @type {{ field: Field, node: HTMLElement, remove: HTMLElement }[]} */
  #items = [];
  #shape;
  #list = element("ol", { class: "items" });
  #add = element("button", { type: "button", class: "small" }, "Add");

  /**
   * @param {Shape} shape
   * @param {Place} place
   */
  constructor(shape, place) {
    super(shape, place, typeName(shape, place.root));
    this.#shape = shape;
    const given = place.initial ?? firstValue(shape.schema);
    const least = shape.schema.minItems ?? (place.isRequired ? 1 : 0);
    const values = Array.isArray(given) ? given : new Array(least).fill(undefined);
    for (const value of values) this.#append(value);
    this.#number();
    this.#add.addEventListener("click", () => {
      const { node } = this.#append(undefined);
      /** @type {HTMLElement | null} */
      const control = node.querySelector("input, textarea, select");
      control?.focus();
    });
    this.node.append(this.#list, this.#add, this.problems.node);
  }

  /** @param {unknown} value */
  #append(value) {
    const { root, depth } = this.place;
    const schema = this.#shape.schema.items;
    const field = createField(schema, { root, label: "", isRequired: true, initial: value, depth: depth + 1 });
    const remove = element("button", { type: "button", class: "small remove" }, "Remove");
    const item = { field, node: element("li", {}, field.node, remove), remove };
    remove.addEventListener("click", () => {
      this.#items.splice(this.#items.indexOf(item), 1);
      item.node.remove();
      this.#number();
      this.#add.focus();
    });
    this.#items.push(item);
    this.#list.append(item.node);
    this.#number();
    return item;
  }

  /** Names are the paths that the server's messages use. */
  #number() {
    for (const [index, { field, remove }] of this.#items.entries()) {
      const label = `${this.label}.${index}`;
      field.rename(label);
      remove.setAttribute("aria-label", `Remove ${label}`);
    }
    this.#add.setAttribute("aria-label", `Add to ${this.label}`);
  }

  /** @param {string} label */
  rename(label) {
    super.rename(label);
    this.#number();
  }

  read() {
    const values = this.#items.map(({ field }) => field.read() ?? null);
    const isGiven = this.place.isRequired || values.length > 0 || this.#shape.schema.default !== undefined;
    return isGiven ? values : undefined;
  }

  /**
   * @param {string[]} path
   * @param {string} message
   */
  showProblem([index, ...rest], message) {
    const item = this.#items[Number(index)];
    if (index !== undefined && item !== undefined) return item.field.showProblem(rest, message);
    this.problems.add(index === undefined ? message : `${[index, ...rest].join(".")}: ${message}`);
    return this.node;
  }

  clearProblems() {
    this.problems.clear();
    for (const { field } of this.#items) field.clearProblems();
  }
}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown>}
 */
function asObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? /** @type {Record<string, unknown>} */ (value)
    : {};
}

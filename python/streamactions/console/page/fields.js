/**
 * One control of the form: a label, an input, what it must keep to, and what was wrong with it.
 *
 * The server validates; the form checks nothing but that JSON is JSON. So a wrong input can be
 * tried out, and what a person reads beside a field is what a client would be told.
 */

import { element, uniqueId } from "./dom.js";
import { constraints, firstValue, typeName } from "./schema.js";

/**
 * @import { Schema, Shape } from "./schema.js"
 *
 * @typedef {object} FieldOptions
 * @property {Shape} shape
 * @property {Schema} root
 * @property {string} label
 * @property {boolean} isRequired
 * @property {unknown} initial `undefined` where there is none.
 *
 * @typedef {object} Field What a form is made of.
 * @property {HTMLElement} node
 * @property {() => unknown} read The value, `undefined` to leave it out; throws a `FieldFault`.
 * @property {(label: string) => void} rename
 * @property {(path: string[], message: string) => HTMLElement} showProblem Show it at the field at
 *   that path below this one, or as near as there is one; returns the control to go to.
 * @property {() => void} clearProblems
 */

/** A longer text gets several lines. */
const MAX_LINE_CHARACTERS = 100;

/** @type {Record<string, string>} */
const INPUT_TYPES = { date: "date", time: "time", email: "email", uri: "url", password: "password" };

/** What was typed into a field stands for no value. */
export class FieldFault extends Error {
  /**
   * @param {Field} field
   * @param {string} message
   */
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

/** The line below a control, or a group of them, that says what was wrong. */
export class Problems {
  node = element("p", { class: "problem", id: uniqueId(), hidden: true });
  #control;

  /** @param {HTMLElement} control What it is about, for whoever cannot see that. */
  constructor(control) {
    this.#control = control;
    const described = control.getAttribute("aria-describedby");
    control.setAttribute("aria-describedby", [described, this.node.id].filter(Boolean).join(" "));
  }

  /** @param {string} message */
  add(message) {
    this.node.append(element("span", {}, message));
    this.node.hidden = false;
    this.#control.setAttribute("aria-invalid", "true");
  }

  clear() {
    this.node.replaceChildren();
    this.node.hidden = true;
    this.#control.removeAttribute("aria-invalid");
  }
}

/**
 * What the author says about a value and what it must keep to; `null` where there is nothing.
 *
 * @param {Schema} schema
 */
export function createHint(schema) {
  const rules = constraints(schema);
  const hint = schema.description && rules ? `${schema.description} (${rules})` : schema.description || rules;
  return hint ? element("p", { class: "hint", id: uniqueId() }, String(hint)) : null;
}

/** @implements {Field} */
export class InputField {
  #options;
  #control;
  #name = element("span", { class: "name" });
  #problems;
  node;

  /** @param {FieldOptions} options */
  constructor(options) {
    const { shape, root, isRequired } = options;
    this.#options = options;
    this.#control = createControl(options);
    this.#control.id = uniqueId();
    const type = typeName(shape, root) + (isRequired ? "" : ", optional");
    const label = element("label", { for: this.#control.id }, this.#name, element("span", { class: "type" }, type));
    const hint = createHint(shape.schema);
    if (hint !== null) this.#control.setAttribute("aria-describedby", hint.id);
    this.#problems = new Problems(this.#control);
    this.node = element("div", { class: `field ${shape.kind}` }, label, this.#control, hint, this.#problems.node);
    this.rename(options.label);
  }

  /** @param {string} label */
  rename(label) {
    this.#name.textContent = label;
  }

  read() {
    const { shape, isRequired } = this.#options;
    const control = this.#control;
    if (control instanceof HTMLInputElement && control.type === "checkbox") return control.checked;
    const text = control.value;
    // A text of no characters is a value where leaving it out would mean another one.
    if (text === "" && !(shape.kind === "string" && !shape.isNullable && (isRequired || shape.schema.default))) {
      return isRequired && shape.isNullable ? null : undefined;
    }
    if (shape.kind === "string") return text;
    if (shape.kind === "number") return readNumber(text);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new FieldFault(this, `Not valid JSON: ${/** @type {SyntaxError} */ (cause).message}`);
    }
  }

  /**
   * @param {string[]} path
   * @param {string} message
   */
  showProblem(path, message) {
    this.#problems.add(path.length > 0 ? `${path.join(".")}: ${message}` : message);
    return this.#control;
  }

  clearProblems() {
    this.#problems.clear();
  }
}

/** @param {FieldOptions} options */
function createControl({ shape: { kind, schema, isNullable }, isRequired, initial }) {
  const value = initial ?? firstValue(schema);
  if (kind === "boolean" && !isNullable) {
    const box = element("input", { type: "checkbox" });
    box.checked = value === true;
    return box;
  }
  if (kind === "choice" || kind === "boolean") {
    const values = kind === "boolean" ? [true, false] : (schema.enum ?? [schema.const]);
    const chosen = JSON.stringify(value);
    const select = element("select", {}, element("option", { value: "" }, isRequired ? "Choose" : "Not set"));
    for (const choice of values) {
      const json = JSON.stringify(choice);
      const label = typeof choice === "string" ? choice : json;
      select.append(element("option", { value: json, selected: json === chosen }, label));
    }
    return select;
  }
  if (kind === "number") {
    const box = element("input", { type: "text", inputmode: "decimal", autocomplete: "off" });
    box.value = value === undefined || value === null ? "" : String(value);
    return box;
  }
  const isLine = (schema.maxLength ?? Infinity) <= MAX_LINE_CHARACTERS || schema.format;
  const box =
    kind === "string" && isLine
      ? element("input", { type: INPUT_TYPES[schema.format] ?? "text", autocomplete: "off" })
      : element("textarea", { rows: kind === "json" ? 3 : 2, class: kind, spellcheck: kind === "string" });
  if (kind === "json") box.value = value === undefined ? "" : JSON.stringify(value, null, 2);
  else box.value = value === undefined || value === null ? "" : String(value);
  return box;
}

/**
 * The number; what is none, or none that JavaScript can hold, stays the text that it is.
 *
 * @param {string} text
 */
function readNumber(text) {
  const number = Number(text);
  const isExact = !Number.isInteger(number) || Number.isSafeInteger(number);
  return text.trim() !== "" && Number.isFinite(number) && isExact ? number : text;
}

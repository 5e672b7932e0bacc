/**
 * The input of one action: as fields made from its schema, or as JSON. Either can be turned into
 * the other, and what was typed stays.
 */

import { FieldFault, InputField } from "./fields.js";
import { createField } from "./groups.js";
import { firstValue, shapeOf } from "./schema.js";

/**
 * @import { Field } from "./fields.js"
 * @import { Schema } from "./schema.js"
 */

/** Any JSON: what an action without a schema takes. */
const ANYTHING = {};

export class InputForm {
  #schema;
  /** @type {Field} */
  #field;
  #asJson;
  #container;

  /**
   * @param {HTMLElement} container
   * @param {Schema | null} schema
   */
  constructor(container, schema) {
    this.#container = container;
    this.#schema = schema;
    this.#asJson = !this.hasFields;
    this.#field = this.#create(undefined);
  }

  /** Whether the schema can be filled in field by field. */
  get hasFields() {
    return this.#schema !== null && shapeOf(this.#schema, this.#schema, 0).kind !== "json";
  }

  get isJson() {
    return this.#asJson;
  }

  /** Turn fields into JSON or back; where what was typed is no JSON, that is shown and nothing happens. */
  toggle() {
    const value = this.read();
    if (value === NOTHING) return;
    this.#asJson = !this.#asJson;
    this.#field = this.#create(value);
  }

  /** The input; `NOTHING` where what was typed is no JSON, which is then shown. */
  read() {
    this.clearProblems();
    return this.#read((fault) => fault.field.showProblem([], fault.message).focus());
  }

  /** The input as it stands; `NOTHING` where what was typed is no JSON yet. */
  peek() {
    return this.#read(() => {});
  }

  /**
   * @param {(fault: FieldFault) => void} onFault
   * @returns {unknown}
   */
  #read(onFault) {
    try {
      return this.#field.read() ?? {};
    } catch (cause) {
      if (!(cause instanceof FieldFault)) throw cause;
      onFault(cause);
      return NOTHING;
    }
  }

  /**
   * Show the server's messages beside the fields that they are about.
   *
   * @param {Readonly<Record<string, readonly string[]>>} fieldErrors By dotted path.
   */
  showFieldErrors(fieldErrors) {
    this.clearProblems();
    for (const [path, messages] of Object.entries(fieldErrors)) {
      for (const message of messages) this.#field.showProblem(path === "" ? [] : path.split("."), message);
    }
    /** @type {HTMLElement | null} */
    const first = this.#container.querySelector("[aria-invalid=true]");
    first?.focus();
  }

  clearProblems() {
    this.#field.clearProblems();
  }

  /** @param {unknown} initial */
  #create(initial) {
    const schema = this.#schema ?? ANYTHING;
    const isRequired = true;
    const field = this.#asJson
      ? new InputField({
          shape: { kind: "json", schema: ANYTHING, isNullable: false },
          root: ANYTHING,
          label: "JSON",
          isRequired,
          initial: initial ?? firstValue(schema) ?? {},
        })
      : createField(schema, { root: schema, label: this.#rootLabel, isRequired, initial, depth: 0 });
    this.#container.replaceChildren(field.node);
    return field;
  }

  /** An input that is no object is one field, which needs a name. */
  get #rootLabel() {
    const schema = /** @type {Schema} */ (this.#schema);
    return shapeOf(schema, schema, 0).kind === "object" ? "" : "input";
  }
}

/** Stands for an input that cannot be read; `undefined` and `null` are inputs. */
export const NOTHING = Symbol("nothing");

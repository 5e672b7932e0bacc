/**
 * What a JSON Schema (2020-12, as pydantic writes it) asks for, in the few kinds that a form knows.
 *
 * Whatever it cannot tell for certain is of the kind `json`: the form then takes JSON as text, so
 * that no input is out of reach.
 */

/**
 * @typedef {Record<string, any>} Schema
 *
 * @typedef {object} Shape
 * @property {"string" | "number" | "boolean" | "choice" | "list" | "object" | "json"} kind
 * @property {Schema} schema The schema with its references followed.
 * @property {boolean} isNullable Whether `null` is a value as well.
 */

/** A schema may contain itself; the form ends where a person would hardly go on. */
const MAX_DEPTH = 4;

/** How many references may lead to one another. */
const MAX_REFERENCES = 20;

/**
 * @param {Schema} schema
 * @param {Schema} root Where `$ref` leads.
 * @param {number} depth How many lists and objects are around it.
 * @returns {Shape}
 */
export function shapeOf(schema, root, depth) {
  let resolved = resolve(schema, root);
  let isNullable = false;
  const choices = resolved.anyOf ?? resolved.oneOf;
  if (Array.isArray(choices)) {
    const others = choices.filter((choice) => choice.type !== "null");
    if (others.length !== 1) return { kind: "json", schema: resolved, isNullable: false };
    isNullable = others.length < choices.length;
    const { anyOf, oneOf, ...around } = resolved;
    resolved = { ...resolve(others[0], root), ...around };
  }
  return { kind: kindOf(resolved, depth), schema: resolved, isNullable };
}

/**
 * @param {Schema} schema
 * @param {Schema} root
 * @returns {Schema}
 */
function resolve(schema, root) {
  let resolved = schema;
  for (let count = 0; count < MAX_REFERENCES; count += 1) {
    const { $ref: reference, allOf: parts, ...around } = resolved;
    if (typeof reference === "string" && reference.startsWith("#/")) {
      resolved = { ...follow(reference, root), ...around };
    } else if (Array.isArray(parts) && parts.length === 1) {
      resolved = { ...parts[0], ...around };
    } else {
      return resolved;
    }
  }
  return {};
}

/**
 * @param {string} reference
 * @param {Schema} root
 */
function follow(reference, root) {
  /** @type {any} */
  let found = root;
  for (const part of reference.slice(2).split("/")) {
    found = found?.[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return typeof found === "object" && found !== null ? found : {};
}

/**
 * @param {Schema} schema
 * @param {number} depth
 * @returns {Shape["kind"]}
 */
function kindOf(schema, depth) {
  if (Array.isArray(schema.enum)) return "choice";
  if ("const" in schema) return "choice";
  if (schema.type === "string") return "string";
  if (schema.type === "integer" || schema.type === "number") return "number";
  if (schema.type === "boolean") return "boolean";
  if (depth > MAX_DEPTH) return "json";
  if (schema.type === "array" && schema.items && !schema.prefixItems) return "list";
  if (schema.type === "object" && isFixed(schema)) return "object";
  return "json";
}

/**
 * Whether an object has named members alone; one with free names is written as JSON.
 *
 * @param {Schema} schema
 */
function isFixed(schema) {
  return Object.keys(schema.properties ?? {}).length > 0 && !schema.additionalProperties;
}

/**
 * The type in the words of Python and JSON that a person reads beside a field.
 *
 * @param {Shape} shape
 * @param {Schema} root
 */
export function typeName({ schema, isNullable, kind }, root) {
  const name = kind === "choice" ? "choice" : plainTypeName(schema, root);
  return isNullable ? `${name} or null` : name;
}

/**
 * @param {Schema} schema
 * @param {Schema} root
 * @returns {string}
 */
function plainTypeName(schema, root) {
  if (schema.format) return schema.format;
  if (schema.type === "array" && schema.items) {
    const items = resolve(schema.items, root);
    return items.type ? `array of ${items.type}` : "array";
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) {
    return [...new Set(choices.map((choice) => plainTypeName(resolve(choice, root), root)))].join(" or ");
  }
  return typeof schema.type === "string" ? schema.type : "any JSON";
}

/**
 * What a value must keep to, in one line; empty where there is nothing.
 *
 * @param {Schema} schema
 */
export function constraints(schema) {
  const parts = [
    range(schema.minLength, schema.maxLength, "character"),
    range(schema.minItems, schema.maxItems, "item"),
    bounds(schema),
    schema.multipleOf === undefined ? "" : `a multiple of ${schema.multipleOf}`,
    schema.pattern === undefined ? "" : `matches ${schema.pattern}`,
    schema.uniqueItems ? "no two alike" : "",
  ];
  return parts.filter(Boolean).join("; ");
}

/**
 * @param {number | undefined} least
 * @param {number | undefined} most
 * @param {string} unit
 */
function range(least, most, unit) {
  const plural = (/** @type {number} */ count) => `${format(count)} ${unit}${count === 1 ? "" : "s"}`;
  if (least !== undefined && most !== undefined) return `${format(least)} to ${plural(most)}`;
  if (least) return `at least ${plural(least)}`;
  return most === undefined ? "" : `at most ${plural(most)}`;
}

/** @param {Schema} schema */
function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  if (minimum !== undefined && maximum !== undefined) return `${format(minimum)} to ${format(maximum)}`;
  return [
    minimum === undefined ? "" : `at least ${format(minimum)}`,
    exclusiveMinimum === undefined ? "" : `above ${format(exclusiveMinimum)}`,
    maximum === undefined ? "" : `at most ${format(maximum)}`,
    exclusiveMaximum === undefined ? "" : `below ${format(exclusiveMaximum)}`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** @param {number} number */
function format(number) {
  return number.toLocaleString("en", { maximumFractionDigits: 12 });
}

/**
 * What a form is filled with at first: the author's default or first example.
 *
 * @param {Schema} schema
 * @returns {unknown} `undefined` where there is none.
 */
export function firstValue(schema) {
  if ("const" in schema) return schema.const;
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0];
  return schema.default;
}

/** What a schema asks for, in the kinds that a form knows; whatever is in doubt is JSON. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { constraints, firstValue, shapeOf, typeName } from "../../../python/streamactions/console/page/schema.js";

const ROOT = {
  $defs: {
    Colour: { enum: ["red", "green"], type: "string" },
    Node: { type: "object", properties: { next: { anyOf: [{ $ref: "#/$defs/Node" }, { type: "null" }] } } },
    Loop: { $ref: "#/$defs/Loop" },
    "a/b": { type: "boolean" },
  },
};

const SHAPES = [
  [{ type: "string" }, "string", "string"],
  [{ type: "string", format: "date-time" }, "string", "date-time"],
  [{ type: "integer" }, "number", "integer"],
  [{ type: "boolean" }, "boolean", "boolean"],
  [{ $ref: "#/$defs/Colour" }, "choice", "choice"],
  [{ allOf: [{ $ref: "#/$defs/Colour" }], default: "red" }, "choice", "choice"],
  [{ const: 3 }, "choice", "choice"],
  [{ anyOf: [{ type: "integer" }, { type: "null" }], default: null }, "number", "integer or null"],
  [{ anyOf: [{ type: "integer" }, { type: "string" }] }, "json", "integer or string"],
  [{ type: "array", items: { type: "string" } }, "list", "array of string"],
  [{ type: "array", prefixItems: [{ type: "string" }], items: false }, "json", "array"],
  [{ type: "object", properties: { a: {} } }, "object", "object"],
  [{ type: "object", additionalProperties: { type: "string" } }, "json", "object"],
  [{ type: "object", properties: { a: {} }, additionalProperties: true }, "json", "object"],
  [{ $ref: "#/$defs/a~1b" }, "boolean", "boolean"],
  [{ $ref: "#/$defs/Loop" }, "json", "any JSON"],
  [{ $ref: "#/$defs/missing" }, "json", "any JSON"],
  [{ $ref: "elsewhere.json" }, "json", "any JSON"],
  [{}, "json", "any JSON"],
];

for (const [schema, kind, type] of SHAPES) {
  test(JSON.stringify(schema), () => {
    const shape = shapeOf(schema, ROOT, 0);
    assert.deepEqual([shape.kind, typeName(shape, ROOT)], [kind, type]);
  });
}

test("a schema that contains itself ends", () => {
  let schema = { $ref: "#/$defs/Node" };
  const kinds = [];
  for (let depth = 0; depth < 8; depth += 1) {
    const shape = shapeOf(schema, ROOT, depth);
    kinds.push(shape.kind);
    schema = shape.schema.properties?.next ?? schema;
  }
  assert.deepEqual(kinds, [...Array(5).fill("object"), ...Array(3).fill("json")]);
});

test("what a value must keep to", () => {
  const lines = [
    [{ minLength: 1, maxLength: 2000 }, "1 to 2,000 characters"],
    [{ maxLength: 1 }, "at most 1 character"],
    [{ minItems: 1 }, "at least 1 item"],
    [{ minimum: 0, maximum: 10 }, "0 to 10"],
    [{ exclusiveMinimum: 0, maximum: 0.5 }, "above 0, at most 0.5"],
    [{ multipleOf: 5, pattern: "^a" }, "a multiple of 5; matches ^a"],
    [{ minLength: 0 }, ""],
    [{}, ""],
  ];
  for (const [schema, line] of lines) assert.equal(constraints(schema), line);
});

test("an example comes before a default, and either may be missing", () => {
  assert.equal(firstValue({ examples: ["a", "b"], default: "c" }), "a");
  assert.equal(firstValue({ default: null }), null);
  assert.equal(firstValue({ const: 0, default: 1 }), 0);
  assert.equal(firstValue({}), undefined);
});

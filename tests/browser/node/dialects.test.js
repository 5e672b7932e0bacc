/** Every dialect is read without being told, and only its own end is an end. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ChunkReader } from "../../../python/streamactions/browser/chunks.js";
import { cuts } from "../support/vectors.js";

const ERROR = { code: "RATE_LIMITED", message: "Too many requests", statusCode: 429 };
const INCOMPLETE = "STREAM_INCOMPLETE";

const done = "event: done\ndata: {}\n\n";
const nuxtDone = 'data: {"__actions_done":true}\n\n';
const nuxtError = `data: ${JSON.stringify({ __actions_error: ERROR })}\n\n`;

/** name, stream, chunks, and how it ends: "complete" or the error's code */
const CASES = [
  ["standard", `data: 1\n\ndata: "two"\n\n${done}`, [1, "two"], "complete"],
  ["nuxt-actions", `data: 1\n\ndata: "two"\n\n${nuxtDone}`, [1, "two"], "complete"],
  ["a standard error", `data: 1\n\nevent: error\ndata: ${JSON.stringify(ERROR)}\n\n`, [1], "RATE_LIMITED"],
  ["an error of nuxt-actions", `data: 1\n\n${nuxtError}`, [1], "RATE_LIMITED"],
  ["no end", "data: 1\n\n", [1], INCOMPLETE],
  ["nothing at all", "", [], INCOMPLETE],
  ["a done without its blank line", "data: 1\n\nevent: done\ndata: {}\n", [1], INCOMPLETE],
  ["a done of nuxt-actions without its blank line", 'data: {"__actions_done":true}\n', [], INCOMPLETE],
  ["a reserved key that a chunk follows", `${nuxtDone}data: 2\n\n${done}`, [{ __actions_done: true }, 2], "complete"],
  ["a reserved key before the standard end", `${nuxtDone}${done}`, [{ __actions_done: true }], "complete"],
  ["a reserved error that a chunk follows", `${nuxtError}data: 2\n\n${done}`, [{ __actions_error: ERROR }, 2], "complete"],
  ["two reserved keys", `${nuxtDone}${nuxtDone}`, [{ __actions_done: true }], "complete"],
  ["a reserved key with another value", `data: {"__actions_done":1}\n\n${done}`, [{ __actions_done: 1 }], "complete"],
  ["a reserved error that is none", `data: {"__actions_error":null}\n\n${done}`, [{ __actions_error: null }], "complete"],
  ["a reserved error that is none, at the end", 'data: {"__actions_error":null}\n\n', [{ __actions_error: null }], INCOMPLETE],
  ["a reserved key with another value, at the end", 'data: {"__actions_done":1}\n\n', [{ __actions_done: 1 }], INCOMPLETE],
  ["comments decide nothing", `${nuxtDone}: keep-alive\n\n`, [], "complete"],
  ["anything after the end", `data: 1\n\n${done}data: 2\n\n`, [1], "complete"],
  ["nothing but JSON", 'data: null\n\ndata: [[]]\n\ndata: false\n\n' + done, [null, [[]], false], "complete"],
  ["an event of another name", `event: usage\ndata: {"tokens":1}\n\n${done}`, [], "complete"],
  ["an event of another name that is no JSON", `event: ping\ndata: -\n\n${done}`, [], "complete"],
  ["a chunk that is no JSON", `data: 1\n\ndata: {\n\n${done}`, [1], "INVALID_CHUNK"],
  ["a reserved key before what is no JSON", `${nuxtDone}data: {\n\n`, [{ __actions_done: true }], "INVALID_CHUNK"],
  ["the end of an OpenAI stream", "data: [DONE]\n\n", [], "INVALID_CHUNK"],
  ["an event over the bound", `data: 1\n\ndata: "${"x".repeat(200)}"\n\n${done}`, [1], "EVENT_TOO_LARGE"],
  ["an event over the bound after the end", `${done}data: "${"x".repeat(200)}"\n\n`, [], "complete"],
];

for (const [name, stream, chunks, end] of CASES) {
  test(name, () => {
    for (const { name: cut, reads } of cuts(new TextEncoder().encode(stream))) {
      const reader = new ChunkReader(128);
      const given = [];
      for (const bytes of reads) if (!reader.ended) given.push(...reader.feed(bytes));
      if (!reader.ended) given.push(...reader.finish());
      assert.deepEqual(given, chunks, cut);
      assert.equal(reader.complete ? "complete" : reader.error?.code, end, cut);
      assert.equal(reader.complete, reader.error === null, cut);
    }
  });
}

/** An error object of the wire, and what is made of it. */
const ERRORS = [
  [ERROR, ERROR],
  [{ ...ERROR, fieldErrors: { "a.b": ["x", "y"] } }, { ...ERROR, fieldErrors: { "a.b": ["x", "y"] } }],
  [{ ...ERROR, fieldErrors: { a: "x", b: [1] } }, { ...ERROR, fieldErrors: { a: ["x"], b: ["1"] } }],
  [{ ...ERROR, fieldErrors: ["x"] }, ERROR],
  [{ ...ERROR, statusCode: 200 }, { ...ERROR, statusCode: 500 }],
  [{ ...ERROR, statusCode: "429" }, { ...ERROR, statusCode: 500 }],
  [{ message: "m" }, { code: "STREAM_ERROR", message: "m", statusCode: 500 }],
  ["text", { code: "STREAM_ERROR", message: "The server reported an error without a message", statusCode: 500 }],
  [null, { code: "STREAM_ERROR", message: "The server reported an error without a message", statusCode: 500 }],
];

for (const [wire, error] of ERRORS) {
  test(`the error ${JSON.stringify(wire)}`, () => {
    const reader = new ChunkReader(1024);
    reader.feed(new TextEncoder().encode(`event: error\ndata: ${JSON.stringify(wire)}\n\n`));
    assert.deepEqual(reader.error, error);
    assert.ok(Object.isFrozen(reader.error));
  });
}

/** One call against a scripted server: what is sent, and how each way of ending is told. */

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";

import { createStreamAction } from "../../../python/streamactions/browser/client.js";
import { execute } from "../support/execute.js";
import { EVENT_STREAM, startServer, streamOf } from "../support/scripted_server.js";

const DONE = "event: done\ndata: {}\n\n";

test("a complete stream", async (t) => {
  const url = await startServer(t, streamOf('data: {"text":"a"}\n\ndata: {"text":"b"}\n\n', DONE));
  const outcome = await execute(url, { prompt: "hi" });
  assert.deepEqual(outcome.chunks, [{ text: "a" }, { text: "b" }]);
  assert.deepEqual(outcome.data, { text: "b" });
  assert.equal(outcome.status, "done");
  assert.equal(outcome.error, null);
  assert.equal(outcome.complete, true);
  assert.deepEqual(outcome.told, [
    ["chunk", { text: "a" }],
    ["chunk", { text: "b" }],
    ["done", [{ text: "a" }, { text: "b" }]],
  ]);
});

test("what a POST sends", async (t) => {
  let seen;
  const url = await startServer(t, (request, response) => {
    seen = request;
    streamOf(DONE)(request, response);
  });
  await execute(url, { prompt: "日本", n: 1 }, { headers: { "x-token": "1", ACCEPT: "*/*" } });
  assert.equal(seen.method, "POST");
  assert.equal(seen.text, '{"prompt":"日本","n":1}');
  assert.equal(seen.headers["content-type"], "application/json");
  assert.equal(seen.headers["x-token"], "1");
  assert.equal(seen.headers.accept, "*/*");
  await execute(url, undefined, { headers: async () => ({ "x-token": "2" }) });
  assert.equal(seen.text, "{}");
  assert.equal(seen.headers["x-token"], "2");
  assert.equal(seen.headers.accept, "text/event-stream");
  await execute(url, [1], { method: "PUT" });
  assert.equal(seen.method, "PUT");
  assert.equal(seen.text, "[1]");
});

test("what a GET sends", async (t) => {
  let seen;
  const url = await startServer(t, (request, response) => {
    seen = request;
    streamOf(DONE)(request, response);
  });
  const input = { q: "a&b é", n: 1, list: [1, 2], empty: [], nested: { a: [1, null] }, deep: [[1], null], none: null, at: new Date(0), no: undefined };
  await execute(`${url}?fixed=1#part`, input, { method: "GET" });
  assert.equal(seen.method, "GET");
  assert.equal(seen.text, "");
  assert.equal(seen.headers["content-type"], undefined);
  const query = new URL(seen.url, url).searchParams;
  assert.deepEqual([...query], [
    ["fixed", "1"],
    ["q", "a&b é"],
    ["n", "1"],
    ["list", "1"],
    ["list", "2"],
    ["nested", '{"a":[1,null]}'],
    ["deep", "[1]"],
    ["deep", "null"],
    ["at", "1970-01-01T00:00:00.000Z"],
  ]);
  await execute(url, undefined, { method: "GET" });
  assert.equal(seen.url, "/action");
});

const FIELD_ERRORS = { prompt: ["String should have at least 1 character"] };
const REFUSED = { code: "VALIDATION_ERROR", message: "Input validation failed", statusCode: 422, fieldErrors: FIELD_ERRORS };

/** name, the server's answer, the error */
const FAILURES = [
  ["an error event", streamOf(`event: error\ndata: ${JSON.stringify(REFUSED)}\n\n`), REFUSED],
  ["an error object", answer(422, JSON.stringify(REFUSED)), REFUSED],
  ["an error object under another status", answer(503, JSON.stringify(REFUSED)), { ...REFUSED, statusCode: 503 }],
  ["an error page", answer(500, "<h1>broken</h1>"), httpError(500, "500 Internal Server Error")],
  ["an error without a body", answer(404, ""), httpError(404, "404 Not Found")],
  ["JSON that is no error object", answer(400, '{"error":true,"id":1}'), httpError(400, "400 Bad Request")],
  ...Object.entries({
    "maximum context length": { error: { message: "maximum context length", code: "c" } },
    Overloaded: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
    "API key not valid.": [{ error: { code: 400, message: "API key not valid." } }],
    "model not found": { error: "model not found" },
    "Not authenticated": { detail: "Not authenticated" },
    "body.prompt: Field required": { detail: [{ loc: ["body", "prompt"], msg: "Field required" }] },
    "It costs 50": { title: "Out of credit", detail: "It costs 50" },
    "Out of credit": { title: "Out of credit" },
    "a is bad; b is": { statusCode: 400, error: "Bad Request", message: ["a is bad", "b is"] },
    "It expired": { error: "invalid_token", error_description: "It expired" },
    "two lines": { Message: "two\nlines" },
    [`${"x".repeat(2000)}…`]: { message: "x".repeat(3000) },
  }).map(([message, body]) => [`an API's own words: ${message.slice(0, 30)}`,
    answer(429, JSON.stringify(body)), { code: "HTTP_ERROR", message, statusCode: 429 }]),
  ["a text", answer(503, "no healthy upstream\n", { "content-type": "text/plain; charset=utf-8" }),
    { code: "HTTP_ERROR", message: "no healthy upstream", statusCode: 503 }],
  ["an error page that never ends", (request, response) => {
    response.writeHead(500);
    response.write("x".repeat(200_000));
  }, httpError(500, "500 Internal Server Error")],
  ["a status that is no error", answer(304, ""), httpError(502, "304 Not Modified")],
  ["an HTML page", answer(200, "<h1>hi</h1>", { "content-type": "text/html; charset=utf-8" }),
    { code: "NOT_AN_EVENT_STREAM", statusCode: 502,
      message: 'The server answered with content-type "text/html; charset=utf-8", not with text/event-stream: check the URL' }],
  ["no content type", answer(200, "data: 1\n\n", {}),
    { code: "NOT_AN_EVENT_STREAM", statusCode: 502,
      message: "The server answered with no content-type, not with text/event-stream: check the URL" }],
  ["no content", answer(204, "", EVENT_STREAM), { code: "STREAM_INCOMPLETE", statusCode: 502 }],
  ["an end without done", streamOf("data: 1\n\n"), { code: "STREAM_INCOMPLETE", statusCode: 502 }],
  ["a broken body", breakAfter("data: 1\n\n"), { code: "STREAM_INCOMPLETE", statusCode: 502 }],
  ["a body that breaks after the end of nuxt-actions", breakAfter('data: {"__actions_done":true}\n\n'),
    { code: "STREAM_INCOMPLETE", statusCode: 502 }],
  ["a broken error body", (request, response) => {
    response.writeHead(500, { "content-type": "application/json" });
    response.write('{"code"');
    setImmediate(() => response.destroy());
  }, httpError(500, "500 Internal Server Error")],
  ["a chunk that is no JSON", streamOf("data: {\n\n", DONE), { code: "INVALID_CHUNK", statusCode: 502 }],
  ["an event over the bound", streamOf(`data: "${"x".repeat(1_048_576)}"\n\n`, DONE),
    { code: "EVENT_TOO_LARGE", statusCode: 502,
      message: "The server sent an event of more than 1048576 bytes (maxEventBytes)" }],
];

for (const [name, respond, error] of FAILURES) {
  test(`failure: ${name}`, async (t) => {
    const outcome = await execute(await startServer(t, respond), {});
    assert.equal(outcome.status, "error");
    assert.equal(outcome.complete, false);
    const { message = outcome.error.message } = error;
    assert.deepEqual(outcome.error, { ...error, message });
    assert.deepEqual(outcome.told.filter(([what]) => what !== "chunk"), [["error", error.code]]);
  });
}

for (const contentType of [
  "text/event-stream, text/event-stream",
  "text/html, Text/Event-Stream ;charset=utf-8",
  "text/event-stream, */*",
  'text/event-stream; a="x, text/html"',
]) {
  test(`an event stream by the rule of fetch: ${contentType}`, async (t) => {
    const outcome = await execute(
      await startServer(t, answer(200, DONE, { "content-type": contentType })), {});
    assert.equal(outcome.error, null);
    assert.equal(outcome.complete, true);
  });
}

test("failure: nobody listens", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  const { error, status } = await execute(`http://127.0.0.1:${port}/`, {});
  assert.equal(status, "error");
  assert.equal(error.code, "CONNECTION_ERROR");
  assert.equal(error.statusCode, 502);
});

test("a body that breaks after done is complete", async (t) => {
  const outcome = await execute(await startServer(t, breakAfter(DONE)), {});
  assert.equal(outcome.status, "done");
  assert.equal(outcome.complete, true);
});

test("a body that never ends after done is given up", async (t) => {
  const url = await startServer(t, (request, response) => {
    response.writeHead(200, EVENT_STREAM);
    response.write(DONE);
    left = new Promise((resolve) => response.on("close", resolve));
  });
  let left;
  const outcome = await execute(url, {});
  assert.equal(outcome.complete, true);
  await left;
});

// Giving a body up at its end event would cost each call its connection.
test("connections are used again after complete streams", async (t) => {
  const ports = new Set();
  let end;
  const url = await startServer(t, (request, response) => {
    ports.add(request.socket.remotePort);
    response.writeHead(200, EVENT_STREAM);
    response.write(DONE);
    end = () => response.end(": the tail\n\n");
  });
  for (let i = 0; i < 10; i += 1) await execute(url, {}, { onDone: () => end() });
  assert.ok(ports.size < 10, `${ports.size} connections`);
});

test("an input that JSON cannot hold changes nothing", async () => {
  const handle = createStreamAction("http://127.0.0.1:9/");
  const cyclic = {};
  cyclic.self = cyclic;
  for (const input of [cyclic, 1n, () => 1, Symbol("s")]) {
    await assert.rejects(handle.execute(input), TypeError);
  }
  assert.equal(handle.status, "idle");
  const get = createStreamAction("http://127.0.0.1:9/", { method: "GET" });
  await assert.rejects(get.execute([1]), /must be an object/);
  assert.equal(get.status, "idle");
});

for (const [url, options] of [
  ["http://", {}],
  ["http://127.0.0.1:9/", { headers: { "no good": "1" } }],
  ["http://127.0.0.1:9/", { headers: { name: "1\r\n2" } }],
  ["http://127.0.0.1:9/", { method: "TRACE" }],
  ["http://127.0.0.1:9/", { headers() { throw new TypeError("no token"); } }],
]) {
  test(`a request that cannot be made: ${url} ${JSON.stringify(options)}`, async () => {
    const errors = [];
    const handle = createStreamAction(url, { ...options, onError: (error) => errors.push(error) });
    await assert.rejects(handle.execute({}), TypeError);
    assert.equal(handle.status, "done");
    assert.equal(handle.complete, false);
    assert.deepEqual(errors, []);
  });
}

for (const url of [undefined, "", { __actionPath: "ai-chat" }]) {
  test(`the URL ${JSON.stringify(url)} is refused`, () => {
    assert.throws(() => createStreamAction(url), TypeError);
  });
}

for (const options of [{ timeout: 0 }, { timeout: NaN }, { timeout: 2 ** 31 }, { maxEventBytes: 0 }]) {
  test(`the options ${JSON.stringify(options)} are refused`, () => {
    assert.throws(() => createStreamAction("/action", options), RangeError);
  });
}

function answer(status, body, headers = { "content-type": "application/json" }) {
  return (request, response) => {
    response.writeHead(status, headers);
    response.end(body);
  };
}

function breakAfter(text) {
  return (request, response) => {
    response.writeHead(200, EVENT_STREAM);
    response.write(text, () => setImmediate(() => response.destroy()));
  };
}

function httpError(statusCode, phrase) {
  return { code: "HTTP_ERROR", message: `The server answered HTTP ${phrase}`, statusCode };
}

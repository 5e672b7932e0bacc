/** The decoder: the shared vectors at every cut, a slow twin, and its bounds. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { EventTooLargeError, SSEDecoder } from "../../../python/streamactions/browser/sse.js";
import { decodePlainly } from "../support/plain_decoder.js";
import { createRandom } from "../support/random.js";
import { cuts, readVectors, split, streamBytes } from "../support/vectors.js";

/** What the reads give, in the words of the vectors. */
function decode(reads, options) {
  const decoder = new SSEDecoder(options);
  const events = [];
  let tooLarge = false;
  for (const bytes of reads) {
    try {
      events.push(...decoder.feed(bytes));
    } catch (error) {
      if (!(error instanceof EventTooLargeError)) throw error;
      // Only the first gives events: nothing after the bound is decoded.
      events.push(...error.events);
      tooLarge = true;
    }
  }
  return {
    events: events.map(({ event, data, id, retryMs }) => ({ event, data, id, retry_ms: retryMs })),
    tooLarge,
    decoder,
  };
}

for (const vector of readVectors("decode")) {
  test(`decode: ${vector.name}`, () => {
    for (const { name, reads } of cuts(streamBytes(vector))) {
      const { events, decoder } = decode(reads);
      assert.deepEqual(events, vector.events, name);
      assert.equal(decoder.lastEventId, vector.last_event_id, name);
      assert.equal(decoder.retryMs, vector.retry_ms, name);
    }
  });
}

for (const vector of readVectors("bounds")) {
  test(`bound: ${vector.name}`, () => {
    for (const { name, reads } of cuts(streamBytes(vector))) {
      const { events, tooLarge } = decode(reads, { maxEventBytes: vector.max_event_bytes });
      assert.deepEqual(events, vector.events, name);
      assert.equal(tooLarge, vector.too_large, name);
    }
  });
}

for (const { name, frame, event, decoded_data: data } of readVectors("encode")) {
  test(`what the server encodes: ${name}`, () => {
    const [decoded] = decode([new TextEncoder().encode(frame)]).events;
    const { event: type = "message", id = "", retry_ms = null } = event;
    assert.deepEqual(decoded, { event: type, data, id, retry_ms });
  });
}

for (const shape of readVectors("shapes")) {
  test(`shape: ${shape.name}`, { timeout: 60_000 }, () => {
    const utf8 = new TextEncoder();
    const decoder = new SSEDecoder();
    let events = 0;
    let dataBytes = 0;
    for (const bytes of shapeReads(shape)) {
      for (const { data } of decoder.feed(bytes)) {
        events += 1;
        dataBytes += utf8.encode(data).length;
      }
    }
    assert.equal(events, shape.events);
    assert.equal(dataBytes, shape.data_bytes);
  });
}

function* shapeReads({ parts, repeat, feed }) {
  const utf8 = new TextEncoder();
  const texts = [];
  for (let i = 0; i < repeat; i += 1) {
    for (const { text, times } of parts) {
      const written = text.replaceAll("$i", String(i));
      for (let time = 0; time < times; time += 1) texts.push(written);
    }
  }
  if (feed === "part") yield* texts.map((text) => utf8.encode(text));
  else {
    const bytes = utf8.encode(texts.join(""));
    yield* feed === "whole" ? [bytes] : split(bytes, feed);
  }
}

// A decoder that looks at a byte again with every read needs hours for this.
test("one line of a mebibyte in reads of one byte", { timeout: 60_000 }, () => {
  const decoder = new SSEDecoder();
  const drip = Uint8Array.of(0x61);
  assert.deepEqual(decoder.feed(new TextEncoder().encode("data:")), []);
  for (let i = 0; i < 1_048_576; i += 1) assert.deepEqual(decoder.feed(drip), []);
  const [event] = decoder.feed(new TextEncoder().encode("\n\n"));
  assert.equal(event.data.length, 1_048_576);
});

// A search for a CR that is never there, repeated for each line, needs hours for this.
test("a million lines in one read", { timeout: 60_000 }, () => {
  const bytes = new TextEncoder().encode("data:a\n\n".repeat(1_000_000));
  assert.equal(new SSEDecoder().feed(bytes).length, 1_000_000);
});

test("random streams give what a decoder without cuts gives", { timeout: 60_000 }, () => {
  const random = createRandom(20261122);
  const pieces = [
    "data", "event", "id", "retry", "dat", "datas", ":", ": ", " ", "\n", "\r", "\r\n", "\n\n",
    "a", "7", "0", "\0", "\ufeff", "\u2028", "日本", "😀",
  ].map((text) => Buffer.from(text)).concat([[0xff], [0xef], [0xef, 0xbb], [0xf0, 0x9f], [0x80]].map(Buffer.from));
  for (let round = 0; round < 5_000; round += 1) {
    const parts = Array.from({ length: random(40) }, () => pieces[random(pieces.length)]);
    const bytes = new Uint8Array(Buffer.concat(parts));
    const reads = [];
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + random(9));
      reads.push(bytes.subarray(at, end));
      at = end;
    }
    const { events, decoder } = decode(reads);
    const plain = decodePlainly(bytes);
    const stream = Buffer.from(bytes).toString("base64");
    assert.deepEqual(events, plain.events, stream);
    assert.equal(decoder.lastEventId, plain.lastEventId, stream);
    assert.equal(decoder.retryMs, plain.retryMs, stream);
  }
});

test("after an event over the bound every later feed throws, and nothing is held", () => {
  const decoder = new SSEDecoder({ maxEventBytes: 4 });
  const bytes = new TextEncoder().encode("data: ok\n\ndata: abcde\n\n");
  assert.throws(() => decoder.feed(bytes), (error) => {
    assert.ok(error instanceof EventTooLargeError);
    assert.equal(error.maxEventBytes, 4);
    assert.deepEqual(error.events.map(({ data }) => data), ["ok"]);
    return true;
  });
  assert.equal(decoder.bufferedBytes, 0);
  assert.throws(() => decoder.feed(new Uint8Array(0)), { name: "EventTooLargeError", events: [] });
  assert.throws(() => decoder.feed(bytes), { name: "EventTooLargeError", events: [] });
});

test("what is held is counted, and freed with the event", () => {
  const decoder = new SSEDecoder();
  decoder.feed(new TextEncoder().encode("event: ab\nid: c\ndata: def\ndata: g"));
  assert.equal(decoder.bufferedBytes, 8);
  decoder.feed(new TextEncoder().encode("\n\n"));
  assert.equal(decoder.bufferedBytes, 0);
});

for (const maxEventBytes of [0, -1, 1.5, NaN, "4"]) {
  test(`a bound of ${JSON.stringify(maxEventBytes)} is refused`, () => {
    assert.throws(() => new SSEDecoder({ maxEventBytes }), RangeError);
  });
}

/** Raw frames are the same wherever the reads were cut. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { cuts } from "../../browser/support/vectors.js";
import { FrameSplitter } from "../../../python/streamactions/console/page/frames.js";

function split(reads) {
  const splitter = new FrameSplitter();
  return [...reads.flatMap((read) => splitter.feed(read)), ...splitter.finish()];
}

const CASES = [
  ["data: a\n\nevent: done\ndata: {}\n\n", ["data: a", "event: done\ndata: {}"]],
  ["data: a\r\n\r\ndata: b\r\n\r\n", ["data: a", "data: b"]],
  ["data: a\r\rdata: b\r\r", ["data: a", "data: b"]],
  [": keep-alive\n\ndata: caf\u00e9 \ud83d\ude00\n\n", [": keep-alive", "data: caf\u00e9 \ud83d\ude00"]],
  ["data: a\r\ndata: b\r\n\r\ndata: cut", ["data: a\r\ndata: b", "data: cut"]],
  ["", []],
];

for (const [text, frames] of CASES) {
  test(JSON.stringify(text), () => {
    for (const { name, reads } of cuts(new TextEncoder().encode(text))) {
      assert.deepEqual(split(reads), frames, name);
    }
  });
}

test("a frame that does not end is given in pieces", () => {
  const piece = new Uint8Array(400_000).fill(0x61);
  const splitter = new FrameSplitter();
  const frames = [1, 2, 3].flatMap(() => splitter.feed(piece));
  assert.deepEqual(frames.map((frame) => frame.length), [1_200_000]);
  assert.deepEqual(splitter.finish(), []);
});

/** The vectors that Rust and Python read too, and the ways to feed a stream. */

import { readFileSync } from "node:fs";

/** @param {string} name */
export function readVectors(name) {
  return JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), "utf8"));
}

export function streamBytes({ stream, stream_base64: base64 }) {
  return new Uint8Array(Buffer.from(base64 ?? stream, base64 === undefined ? "utf8" : "base64"));
}

/** Every way to cut these bytes that a case must survive: whole, at every place, byte by byte. */
export function* cuts(bytes) {
  yield { name: "whole", reads: [bytes] };
  for (let at = 1; at < bytes.length; at += 1) {
    yield { name: `cut at ${at}`, reads: [bytes.subarray(0, at), bytes.subarray(at)] };
  }
  yield { name: "byte by byte", reads: [...split(bytes, 1)] };
}

export function* split(bytes, size) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

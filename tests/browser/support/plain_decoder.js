/** The slow twin of the decoder: the whole stream at once, in the words of the specification. */

const MAX_RETRY_MS = 2n ** 53n - 1n;

export function decodePlainly(bytes) {
  // The WHATWG's "UTF-8 decode" strips one leading BOM; so does a TextDecoder as it is.
  const lines = new TextDecoder().decode(bytes).split(/\r\n|\n|\r/);
  // What follows the last line end is an unfinished line.
  lines.pop();
  const events = [];
  let lastEventId = "";
  let retryMs = null;
  let block = { data: [], event: "", id: null, retryMs: null };
  for (const line of lines) {
    if (line === "") {
      lastEventId = block.id ?? lastEventId;
      if (block.data.length > 0) {
        events.push({
          event: block.event || "message",
          data: block.data.join("\n"),
          id: lastEventId,
          retry_ms: block.retryMs,
        });
      }
      block = { data: [], event: "", id: null, retryMs: null };
      continue;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") block.data.push(value);
    else if (name === "event") block.event = value;
    else if (name === "id" && !value.includes("\0")) block.id = value;
    else if (name === "retry" && /^[0-9]+$/.test(value)) {
      const ms = BigInt(value);
      retryMs = block.retryMs = Number(ms < MAX_RETRY_MS ? ms : MAX_RETRY_MS);
    }
  }
  return { events, lastEventId, retryMs };
}

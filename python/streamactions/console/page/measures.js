/**
 * What there is to say about when chunks arrived, in bounded memory however many there are.
 *
 * A chunk arrives when the browser hands over the read that completes it: chunks of one read
 * arrive together. Gaps are counted in buckets whose widths grow by a fixed ratio, so that a
 * quantile is right within that ratio; arrivals are points, and when there are too many, every
 * second one goes.
 */

/** Two gaps that differ by less than this are counted as one. */
const GAP_RATIO = 1.02;

/** Browsers' clocks are no finer than this. */
const LEAST_GAP_MS = 0.005;

/** Enough for gaps of an hour. */
const MAX_BUCKETS = 1100;

const MAX_POINTS = 4096;

export class Measures {
  #buckets = new Uint32Array(MAX_BUCKETS);
  #gapCount = 0;
  /** One point in so many arrivals is kept. */
  #step = 1;
  /** @type {{ ms: number, count: number }[]} Time since the call, and how many chunks there were by then. */
  #points = [];

  count = 0;
  bytes = 0;
  /** @type {number | null} */
  firstMs = null;
  lastMs = 0;

  /** @param {number} ms Since the call began. */
  add(ms) {
    if (this.firstMs === null) this.firstMs = ms;
    else this.#addGap(ms - this.lastMs);
    this.lastMs = ms;
    this.count += 1;
    if (this.count % this.#step !== 0) return;
    const last = this.#points.at(-1);
    if (last?.ms === ms) last.count = this.count;
    else this.#points.push({ ms, count: this.count });
    if (this.#points.length > MAX_POINTS) {
      this.#points = this.#points.filter((_, index) => index % 2 === 1);
      this.#step *= 2;
    }
  }

  /** The arrivals to draw, in order; the latest among them. */
  get points() {
    const last = this.#points.at(-1);
    if (this.count === 0 || last?.count === this.count) return this.#points;
    return [...this.#points, { ms: this.lastMs, count: this.count }];
  }

  /** Chunks per second from the first to the last; `null` where that is no time. */
  get rate() {
    const ms = this.lastMs - (this.firstMs ?? 0);
    return this.count > 1 && ms > 0 ? ((this.count - 1) / ms) * 1000 : null;
  }

  /**
   * The gap that this share of all gaps does not exceed, in milliseconds; `null` without gaps.
   *
   * @param {number} share From 0 to 1.
   */
  gapQuantile(share) {
    let left = Math.ceil(share * this.#gapCount);
    if (left === 0) return null;
    for (const [bucket, count] of this.#buckets.entries()) {
      left -= count;
      if (left <= 0) return bucket === 0 ? 0 : LEAST_GAP_MS * GAP_RATIO ** (bucket - 0.5);
    }
    return null;
  }

  /** @param {number} gapMs */
  #addGap(gapMs) {
    const place = gapMs < LEAST_GAP_MS ? 0 : 1 + Math.log(gapMs / LEAST_GAP_MS) / Math.log(GAP_RATIO);
    this.#buckets[Math.min(Math.floor(place), MAX_BUCKETS - 1)] += 1;
    this.#gapCount += 1;
  }
}

/** @param {number | null} ms */
export function formatMs(ms) {
  if (ms === null) return "–";
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** @param {number} bytes */
export function formatBytes(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** @param {number | null} rate */
export function formatRate(rate) {
  if (rate === null) return "–";
  return rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString("en");
}

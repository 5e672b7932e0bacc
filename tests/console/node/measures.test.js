/** The measures in bounded memory against plain ones that keep everything. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../browser/support/random.js";
import { Measures } from "../../../python/streamactions/console/page/measures.js";

function plainQuantile(gaps, share) {
  const sorted = [...gaps].sort((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1];
}

test("quantiles of gaps are right within a few percent", () => {
  const random = createRandom(7);
  for (const largest of [1, 50, 100_000]) {
    const measures = new Measures();
    const gaps = [];
    let ms = 12;
    measures.add(ms);
    for (let count = 0; count < 5000; count += 1) {
      const gap = random(3) === 0 ? 0 : (random(1_000_000) / 1_000_000) ** 3 * largest;
      gaps.push(gap);
      ms += gap;
      measures.add(ms);
    }
    for (const share of [0.01, 0.5, 0.9, 0.99, 1]) {
      const plain = plainQuantile(gaps, share);
      const told = measures.gapQuantile(share);
      assert.ok(Math.abs(told - plain) <= 0.03 * plain + 0.006, `${told} for ${plain}`);
    }
  }
});

test("without chunks or gaps there is nothing to tell", () => {
  const measures = new Measures();
  assert.deepEqual([measures.firstMs, measures.rate, measures.gapQuantile(0.5), measures.points], [null, null, null, []]);
  measures.add(5);
  assert.deepEqual([measures.firstMs, measures.rate, measures.gapQuantile(0.5)], [5, null, null]);
  assert.deepEqual(measures.points, [{ ms: 5, count: 1 }]);
});

test("the rate is that of the time between the first and the last", () => {
  const measures = new Measures();
  for (let count = 0; count <= 100; count += 1) measures.add(3000 + count * 20);
  assert.equal(Math.round(measures.rate), 50);
});

test("points stay few, in order, and end with the latest", () => {
  const measures = new Measures();
  for (let count = 1; count <= 300_001; count += 1) {
    measures.add(count / 10);
    if (count % 50_000 === 1) {
      const points = measures.points;
      assert.ok(points.length <= 4097);
      assert.deepEqual(points.at(-1), { ms: count / 10, count });
      assert.ok(points.every((point, index) => index === 0 || point.ms > points[index - 1].ms));
      assert.ok(points.every((point) => point.count === Math.round(point.ms * 10)));
    }
  }
});

test("chunks of one read are one point", () => {
  const measures = new Measures();
  for (let count = 0; count < 1000; count += 1) measures.add(7);
  assert.deepEqual(measures.points, [{ ms: 7, count: 1000 }]);
});

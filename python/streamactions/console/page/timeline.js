/**
 * The chart of arrivals: time from left to right, chunks so far from bottom to top.
 *
 * A steady stream is a straight line, a stall a step to the right, a burst a step up. Below it,
 * every arrival leaves a mark. Colours are those of the page's style, so that the chart follows it
 * into the dark.
 */

import { formatMs } from "./measures.js";

/** @import { Measures } from "./measures.js" */

const MARGIN = { top: 18, right: 14, bottom: 22, left: 44 };
const MARKS_HEIGHT = 9;

/** A chart of less time would make noise look like structure. */
const MIN_SPAN_MS = 50;

export class Timeline {
  #canvas;
  /** @type {Measures | null} */
  #measures = null;
  #nowMs = 0;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /**
   * @param {Measures} measures
   * @param {number} nowMs Since the call began; how far the chart reaches.
   */
  show(measures, nowMs) {
    this.#measures = measures;
    this.#nowMs = nowMs;
    this.#draw();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const context = this.#canvas.getContext("2d");
    if (context === null || width === 0) return;
    const scale = devicePixelRatio;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const style = getComputedStyle(this.#canvas);
    context.font = `11px ${style.fontFamily}`;
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name);
    const plot = {
      left: MARGIN.left,
      right: width - MARGIN.right,
      top: MARGIN.top,
      bottom: height - MARGIN.bottom - MARKS_HEIGHT,
    };
    const spanMs = Math.max(this.#nowMs, MIN_SPAN_MS);
    const most = Math.max(this.#measures?.count ?? 0, 1);
    const x = (/** @type {number} */ ms) => plot.left + ((plot.right - plot.left) * ms) / spanMs;
    const y = (/** @type {number} */ count) => plot.bottom - ((plot.bottom - plot.top) * count) / most;

    if (this.#measures === null || this.#measures.count === 0) {
      drawNothing(context, plot, colour);
      return;
    }
    drawAxes(context, plot, { spanMs, most, x, y, colour });
    drawArrivals(context, plot, this.#measures.points, { x, y, colour });
    drawFirst(context, plot, /** @type {number} */ (this.#measures.firstMs), { x, colour });
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{ left: number, right: number, top: number, bottom: number }} plot
 * @param {(name: string) => string} colour
 */
function drawNothing(context, plot, colour) {
  context.fillStyle = colour("--line");
  context.fillRect(MARGIN.right, plot.bottom, plot.right - MARGIN.right, 1);
  context.fillStyle = colour("--muted");
  context.textAlign = "center";
  context.fillText("Arrivals over time appear here", (MARGIN.right + plot.right) / 2, (plot.top + plot.bottom) / 2);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{ left: number, right: number, top: number, bottom: number }} plot
 * @param {any} scales
 */
function drawAxes(context, plot, { spanMs, most, x, y, colour }) {
  context.lineWidth = 1;
  context.strokeStyle = colour("--line");
  context.fillStyle = colour("--muted");
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const count of ticks(most, 4)) {
    const at = Math.round(y(count)) + 0.5;
    context.beginPath();
    context.moveTo(plot.left, at);
    context.lineTo(plot.right, at);
    context.stroke();
    context.fillText(count.toLocaleString("en"), plot.left - 8, at);
  }
  context.textBaseline = "alphabetic";
  const times = ticks(spanMs, plot.right - plot.left < 420 ? 3 : 6);
  for (const ms of times) {
    context.textAlign = ms === 0 ? "left" : x(ms) > plot.right - 24 ? "right" : "center";
    context.fillText(ms === 0 ? "0" : formatTick(ms, times[1]), x(ms), plot.bottom + MARKS_HEIGHT + 17);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{ left: number, right: number, top: number, bottom: number }} plot
 * @param {{ ms: number, count: number }[]} points
 * @param {any} scales
 */
function drawArrivals(context, plot, points, { x, y, colour }) {
  const line = new Path2D();
  line.moveTo(x(0), y(0));
  let before = 0;
  for (const { ms, count } of points) {
    line.lineTo(x(ms), y(before));
    line.lineTo(x(ms), y(count));
    before = count;
  }
  const area = new Path2D(line);
  area.lineTo(x(points[points.length - 1].ms), y(0));
  context.fillStyle = colour("--accent-wash");
  context.fill(area);
  context.strokeStyle = colour("--accent");
  context.lineWidth = 1.75;
  context.lineJoin = "round";
  context.stroke(line);

  context.fillStyle = colour("--accent");
  let drawn = -1;
  for (const { ms } of points) {
    const at = Math.round(x(ms));
    if (at === drawn) continue;
    drawn = at;
    context.fillRect(at - 0.5, plot.bottom + 4, 1, MARKS_HEIGHT - 3);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{ left: number, right: number, top: number, bottom: number }} plot
 * @param {number} firstMs
 * @param {any} scales
 */
function drawFirst(context, plot, firstMs, { x, colour }) {
  const at = Math.round(x(firstMs)) + 0.5;
  context.strokeStyle = colour("--text");
  context.lineWidth = 1;
  context.setLineDash([3, 3]);
  context.beginPath();
  context.moveTo(at, plot.top - 4);
  context.lineTo(at, plot.bottom);
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = colour("--text");
  const text = `first chunk ${formatMs(firstMs)}`;
  const isRight = at + context.measureText(text).width > plot.right;
  context.textAlign = isRight ? "right" : "left";
  context.fillText(text, at + (isRight ? 0 : -1), plot.top - 8);
}

/**
 * Round numbers from 0 to the most.
 *
 * @param {number} most
 * @param {number} about How many there should be.
 */
function ticks(most, about) {
  const rough = most / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max([1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ?? rough, 1);
  const found = [];
  for (let tick = 0; tick <= most; tick += step) found.push(tick);
  return found;
}

/**
 * @param {number} ms
 * @param {number} stepMs
 */
function formatTick(ms, stepMs) {
  return stepMs < 100 && ms < 1000 ? `${ms} ms` : `${Number((ms / 1000).toFixed(2))} s`;
}

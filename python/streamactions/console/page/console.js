/**
 * The console: chooses an action by the address's fragment, runs it, and shows what comes.
 *
 * Everything is drawn at most once per animation frame, however fast chunks come. The newest call
 * owns the page; one before it is stopped and says nothing any more.
 */

import { encodeInput } from "../request.js";
import { Call } from "./call.js";
import { byId, element } from "./dom.js";
import { InputForm, NOTHING } from "./form.js";
import { parseHeaders } from "./headers.js";
import { Measures, formatBytes, formatMs, formatRate } from "./measures.js";
import { SNIPPETS } from "./snippets.js";
import { Tabs } from "./tabs.js";
import { Timeline } from "./timeline.js";
import { RowsView, TextView, textOf } from "./views.js";

/**
 * @import { ActionError } from "../types.d.ts"
 * @typedef {{ name: string, method: "POST" | "GET", doc: string, input: any, output: any }} Action
 */

/** The app's prefix, wherever a proxy has put it. */
const BASE = new URL("..", import.meta.url);

/** Fewer are found at a glance. */
const MIN_FILTERED_ACTIONS = 10;

const view = {
  text: new TextView(byId("text")),
  chunks: new RowsView(byId("chunks")),
  frames: new RowsView(byId("frames")),
};
const timeline = new Timeline(/** @type {HTMLCanvasElement} */ (byId("timeline")));
const headersBox = /** @type {HTMLTextAreaElement} */ (byId("headers"));
const stopButton = byId("stop");
const progressBar = /** @type {HTMLProgressElement} */ (byId("progress"));
let language = "curl";
/** Whether a person has chosen a view; until then it follows what comes. */
let viewIsChosen = false;

/** @type {Action} */
let action;
/** @type {InputForm} */
let form;
/** @type {Call | null} */
let call = null;
let measures = new Measures();
let drawingIsDue = false;

const viewTabs = new Tabs(byId("views"), () => (viewIsChosen = true));
const languageTabs = new Tabs(byId("languages"), (name) => {
  language = name;
  showSnippet();
});

/** @param {Action} chosen */
function open(chosen) {
  call?.stop();
  call = null;
  action = chosen;
  document.title = `${action.name} · console`;
  byId("method").textContent = action.method;
  byId("name").textContent = action.name;
  byId("doc").textContent = action.doc;
  byId("input-schema").textContent = schemaText(action.input);
  byId("output-schema").textContent = schemaText(action.output);
  form = new InputForm(byId("fields"), action.input);
  for (const link of byId("actions").querySelectorAll("a")) {
    if (link.dataset.name === action.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  viewIsChosen = false;
  viewTabs.select("text");
  showToggle();
  clearOutput();
  setStatus("idle", "Not run yet");
  showSnippet();
}

function run() {
  const wanted = readWanted();
  if (wanted === null) return;
  call?.stop();
  clearOutput();
  setStatus("waiting", "Waiting for the first chunk");
  stopButton.setAttribute("aria-disabled", "false");
  const current = new Call(wanted.encoded, wanted.headers, {
    onRead(chunks, frames, bytes, ms) {
      if (call !== current) return;
      measures.bytes += bytes;
      for (const frame of frames) view.frames.add(frame, ms);
      for (const chunk of chunks) showChunk(chunk, ms);
      draw();
    },
    onEnd(outcome, ms) {
      if (call !== current) return;
      call = null;
      showOutcome(outcome, ms);
    },
  });
  call = current;
  draw();
  showOutput();
}

/** On a narrow screen the output is below the form, out of sight. */
function showOutput() {
  const output = byId("output");
  if (output.getBoundingClientRect().top > innerHeight * 0.8) output.scrollIntoView();
}

/**
 * @param {any} chunk
 * @param {number} ms
 */
function showChunk(chunk, ms) {
  const text = textOf(chunk);
  if (measures.count === 0) {
    setStatus("streaming", "Streaming");
    if (!viewIsChosen) viewTabs.select(text === null ? "chunks" : "text");
  }
  measures.add(ms);
  view.chunks.add(JSON.stringify(chunk), ms);
  view.text.add(text ?? `${JSON.stringify(chunk)}\n`);
  if (typeof chunk?.progress === "number") {
    progressBar.hidden = false;
    progressBar.value = chunk.progress;
  }
}

/**
 * @param {"done" | "stopped" | ActionError} outcome
 * @param {number} ms
 */
function showOutcome(outcome, ms) {
  const summary = `${measures.count.toLocaleString("en")} chunk${measures.count === 1 ? "" : "s"} in ${formatMs(ms)}`;
  stopButton.setAttribute("aria-disabled", "true");
  drawNow(ms);
  if (outcome === "done") setStatus("done", `Done: ${summary}`);
  else if (outcome === "stopped") setStatus("stopped", `Stopped: ${summary}`);
  else {
    setStatus("error", `Failed: ${summary}`);
    showError(outcome);
  }
  byId("timeline").setAttribute(
    "aria-label",
    `Timeline of arrivals: ${summary}, the first after ${formatMs(measures.firstMs)}`,
  );
}

/** @param {ActionError} error */
function showError({ code, message, statusCode, fieldErrors = {} }) {
  byId("alert").replaceChildren(
    element(
      "div",
      { class: "failure" },
      element("p", {}, element("strong", {}, code), element("span", { class: "code" }, String(statusCode))),
      element("p", {}, message),
    ),
  );
  form.showFieldErrors(fieldErrors);
}

function clearOutput() {
  measures = new Measures();
  view.text.clear();
  view.chunks.clear();
  view.frames.clear();
  form.clearProblems();
  byId("alert").replaceChildren();
  byId("timeline").setAttribute("aria-label", "Timeline of arrivals: nothing yet");
  progressBar.hidden = true;
  progressBar.removeAttribute("value");
  stopButton.setAttribute("aria-disabled", "true");
  drawNow(0);
}

/** Draw at the next frame, and at each one after it as long as a call runs. */
function draw() {
  if (drawingIsDue) return;
  drawingIsDue = true;
  requestAnimationFrame(() => {
    drawingIsDue = false;
    if (call === null) return;
    drawNow(call.elapsedMs);
    draw();
  });
}

/** @param {number} nowMs */
function drawNow(nowMs) {
  view.text.draw();
  view.chunks.draw();
  view.frames.draw();
  byId("m-first").textContent = formatMs(measures.firstMs);
  byId("m-count").textContent = measures.count.toLocaleString("en");
  byId("m-rate").textContent = formatRate(measures.rate);
  byId("m-p50").textContent = formatMs(measures.gapQuantile(0.5));
  byId("m-p99").textContent = formatMs(measures.gapQuantile(0.99));
  byId("m-bytes").textContent = formatBytes(measures.bytes);
  timeline.show(measures, nowMs);
}

/**
 * @param {"idle" | "waiting" | "streaming" | "done" | "stopped" | "error"} state
 * @param {string} text
 */
function setStatus(state, text) {
  byId("status").dataset.state = state;
  byId("status").textContent = text;
}

/** What a person has put in; `null` where it cannot be sent, which is then shown. */
function readWanted() {
  const input = form.read();
  if (input === NOTHING) return null;
  const { headers, fault } = parseHeaders(headersBox.value);
  byId("headers-problem").hidden = fault === "";
  byId("headers-problem").textContent = fault;
  headersBox.setAttribute("aria-invalid", String(fault !== ""));
  if (fault !== "") {
    /** @type {HTMLDetailsElement} */ (byId("more")).open = true;
    headersBox.focus();
    return null;
  }
  try {
    return wantedOf(input, headers);
  } catch (cause) {
    form.showFieldErrors({ "": [/** @type {Error} */ (cause).message] });
    return null;
  }
}

/**
 * @param {unknown} input
 * @param {Record<string, string>} headers
 * @throws {TypeError} The input cannot be sent by this action's method.
 */
function wantedOf(input, headers) {
  const url = new URL(action.name, BASE).href;
  const { method } = action;
  const encoded = encodeInput(url, input, { method });
  return { url, method, input, encoded, headers, client: new URL("client.js", BASE).href };
}

/** As far as what was typed makes sense by now; else the snippet stays as it is. */
function showSnippet() {
  byId("copy").textContent = "Copy";
  const input = form.peek();
  const { headers, fault } = parseHeaders(headersBox.value);
  if (input === NOTHING || fault !== "") return;
  try {
    byId("snippet").textContent = SNIPPETS[language](wantedOf(input, headers));
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
  }
}

async function copySnippet() {
  const text = byId("snippet").textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
    byId("copy").textContent = "Copied";
  } catch {
    // Without HTTPS a page may not write to the clipboard: a person still may.
    getSelection()?.selectAllChildren(byId("snippet"));
    byId("copy").textContent = "Selected: press Ctrl+C";
  }
}

function showToggle() {
  byId("toggle").hidden = !form.hasFields;
  byId("toggle").textContent = form.isJson ? "Edit as form" : "Edit as JSON";
}

/** @param {unknown} schema */
function schemaText(schema) {
  return schema === null ? "Any JSON" : JSON.stringify(schema, null, 2);
}

/** @param {Action[]} actions */
function listActions(actions) {
  byId("actions").replaceChildren(
    ...actions.map(({ name, method }) =>
      element(
        "li",
        {},
        element(
          "a",
          { href: `#/${name}`, "data-name": name },
          element("span", { class: "label" }, name),
          method === "POST" ? null : element("span", { class: "method" }, method),
        ),
      ),
    ),
  );
  const filter = /** @type {HTMLInputElement} */ (byId("filter"));
  filter.hidden = actions.length < MIN_FILTERED_ACTIONS;
  filter.addEventListener("input", () => {
    for (const item of byId("actions").querySelectorAll("li")) {
      item.hidden = !item.textContent?.toLowerCase().includes(filter.value.toLowerCase());
    }
  });
}

async function start() {
  byId("base").textContent = `${BASE.host}${BASE.pathname}`;
  const response = await fetch(new URL("actions.json", import.meta.url));
  if (!response.ok) throw new Error(`status ${response.status}`);
  /** @type {{ actions: Action[] }} */
  const { actions } = await response.json();
  listActions(actions);
  languageTabs.select(language);
  const openNamed = () => {
    const name = decodeURIComponent(location.hash).replace(/^#\//, "");
    open(actions.find((candidate) => candidate.name === name) ?? actions[0]);
  };
  openNamed();
  addEventListener("hashchange", () => {
    if (location.hash.startsWith("#/")) openNamed();
  });
  byId("main").hidden = false;
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
byId("form").addEventListener("input", showSnippet);
byId("form").addEventListener("click", showSnippet);
byId("toggle").addEventListener("click", () => {
  form.toggle();
  showToggle();
});
byId("copy").addEventListener("click", copySnippet);
stopButton.addEventListener("click", () => call?.stop());
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  } else if (event.key === "Escape") {
    call?.stop();
  }
});

start().catch((cause) => {
  byId("nothing").textContent = `The actions cannot be read (${cause.message}): is the server running? Reload the page.`;
  byId("nothing").hidden = false;
});

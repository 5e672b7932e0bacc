/**
 * The page of the chat: one action of the server, called with its own browser client.
 *
 * Tokens may come faster than a screen draws, so they are gathered and shown once per animation
 * frame, which is when the client tells its subscribers. What the model says is shown as text and
 * never as markup.
 */

import { createStreamAction } from "./api/_actions/client.js";

/** The server's own limit, to count up to; it is the server that refuses what is longer. */
const MAX_PROMPT_CHARACTERS = 2000;
const COUNT_FROM_CHARACTERS = 1800;

/** How far above its end the conversation still follows what comes. */
const NEAR_END_PX = 60;

const main = document.getElementById("main");
const log = document.getElementById("log");
const form = document.getElementById("form");
const box = document.getElementById("prompt");
const sendButton = document.getElementById("send");
const stopButton = document.getElementById("stop");
const problem = document.getElementById("problem");

/** The exchange that is under way, or was the last. */
let exchange = null;

const chat = createStreamAction("api/_actions/ai-chat", {
  keepChunks: false,
  onChunk: ({ text }) => exchange.take(text),
  onError: (error) => exchange.fail(error),
});

chat.subscribe(() => {
  const isStreaming = chat.status === "streaming";
  sendButton.hidden = isStreaming;
  stopButton.hidden = !isStreaming;
  exchange?.draw();
});

/** A question and its answer. */
class Exchange {
  #startedMs = performance.now();
  #firstMs = null;
  #lastMs = 0;
  #tokens = 0;
  #waiting = "";
  #question = document.createElement("p");
  #answer = document.createElement("div");
  #text = document.createElement("p");
  #note = document.createElement("p");

  constructor(prompt) {
    this.prompt = prompt;
    this.#question.className = "question";
    this.#question.textContent = prompt;
    this.#answer.className = "answer waiting";
    this.#answer.setAttribute("aria-busy", "true");
    this.#text.className = "text";
    this.#note.className = "note";
    this.#note.textContent = "Thinking";
    this.#answer.append(this.#text, this.#note);
    log.append(this.#question, this.#answer);
    scrollToEnd();
  }

  take(token) {
    this.#lastMs = performance.now() - this.#startedMs;
    this.#firstMs ??= this.#lastMs;
    this.#tokens += 1;
    this.#waiting += token;
  }

  draw() {
    if (this.#waiting === "") return;
    const follow = main.scrollHeight - main.scrollTop - main.clientHeight < NEAR_END_PX;
    this.#text.append(this.#waiting);
    this.#waiting = "";
    this.#answer.classList.remove("waiting");
    this.#note.textContent = this.#measures();
    if (follow) scrollToEnd();
  }

  /** The stream is over; how it ended is said below the answer. */
  finish(how) {
    this.draw();
    this.#answer.classList.remove("waiting");
    this.#answer.removeAttribute("aria-busy");
    this.#note.textContent = [how, this.#measures()].filter(Boolean).join(" · ");
  }

  fail({ code, message, fieldErrors }) {
    const refused = fieldErrors?.prompt;
    if (refused !== undefined && this.#tokens === 0) {
      // Nothing was asked yet: the prompt goes back to where it can be put right.
      this.#question.remove();
      this.#answer.remove();
      box.value = this.prompt;
      showProblem(refused.join("; "));
      return;
    }
    this.#answer.classList.add("failed");
    this.finish(`${message} (${code})`);
  }

  #measures() {
    if (this.#firstMs === null) return "";
    const seconds = (this.#lastMs - this.#firstMs) / 1000;
    const parts = [`${this.#tokens} token${this.#tokens === 1 ? "" : "s"}`, `first after ${Math.round(this.#firstMs)} ms`];
    if (seconds > 0) parts.push(`${Math.round((this.#tokens - 1) / seconds)} a second`);
    return parts.join(" · ");
  }
}

async function send(prompt) {
  document.getElementById("welcome").hidden = true;
  showProblem("");
  box.value = "";
  fitBox();
  const current = new Exchange(prompt);
  exchange = current;
  const ended = chat.execute({ prompt });
  // The button that was pressed may be gone; whoever uses the keyboard needs a place to be at.
  if (document.activeElement === document.body) stopButton.focus();
  await ended;
  if (current === exchange && chat.status === "done") current.finish(chat.complete ? "" : "Stopped");
  if (document.activeElement === document.body) box.focus();
}

function showProblem(text) {
  problem.textContent = text;
  box.setAttribute("aria-invalid", String(text !== ""));
  fitBox();
  if (text !== "") box.focus();
}

/** The box is as high as its text, within the bound of its style. */
function fitBox() {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
  const length = [...box.value].length;
  const isLong = length >= COUNT_FROM_CHARACTERS;
  const limit = MAX_PROMPT_CHARACTERS.toLocaleString("en");
  document.getElementById("count").textContent = isLong ? `${length.toLocaleString("en")} of ${limit} characters` : "";
}

function scrollToEnd() {
  main.scrollTop = main.scrollHeight;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (chat.status !== "streaming" && box.value.trim() !== "") send(box.value);
});
box.addEventListener("input", () => {
  problem.textContent = "";
  box.setAttribute("aria-invalid", "false");
  fitBox();
});
box.addEventListener("keydown", (event) => {
  // An Enter that confirms a word of an input method is not meant for the page.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") chat.stop();
});
stopButton.addEventListener("click", () => {
  chat.stop();
  box.focus();
});
for (const idea of document.querySelectorAll("#ideas button")) {
  idea.addEventListener("click", () => send(idea.textContent));
}

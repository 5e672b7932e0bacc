/**
 * Keeps a busy reader from holding the page's only thread.
 *
 * Reads of a body that has come already are done without leaving the task, so a fast stream could
 * be read for seconds with no frame in between. A reader that rests here every few milliseconds
 * leaves each frame most of its time.
 */

/** Half of a frame at 60 a second. */
const MAX_WORK_MS = 8;

export class Pace {
  #restedAtMs = performance.now();

  /** Let other tasks run, if the last rest is too long ago. */
  async rest() {
    if (performance.now() - this.#restedAtMs < MAX_WORK_MS) return;
    await nextTask();
    this.#restedAtMs = performance.now();
  }
}

/** A message is a task of its own that, unlike a timer, is never delayed in a hidden page. */
function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve(undefined);
    };
    port2.postMessage(null);
  });
}

/**
 * Runs one function at most once per animation frame, however often it is asked for.
 *
 * Strategy: `requestAnimationFrame` where there is a page that is visible, else a timer: a hidden
 * page runs no frames, and a worker or a server has no page. A page that becomes hidden while a
 * frame is awaited goes over to the timer.
 */

const TIMER_INTERVAL_MS = 16;

export class FrameScheduler {
  #run;
  /**
   * Takes back what is awaited; `null` while nothing is.
   * @type {(() => void) | null}
   */
  #cancel = null;

  /** @param {() => void} run */
  constructor(run) {
    this.#run = run;
  }

  /** Run the function at the next frame, unless that is to happen already. */
  request() {
    if (this.#cancel !== null) return;
    const fire = () => {
      this.cancel();
      this.#run();
    };
    this.#cancel = isPageVisible() ? awaitFrame(fire) : awaitTimer(fire);
  }

  /** Take the request back. */
  cancel() {
    this.#cancel?.();
    this.#cancel = null;
  }
}

function isPageVisible() {
  return typeof document !== "undefined" && document.visibilityState === "visible";
}

/** @param {() => void} fire */
function awaitFrame(fire) {
  const id = requestAnimationFrame(fire);
  /** @type {(() => void) | null} */
  let cancelTimer = null;
  const becomeHidden = () => {
    cancelAnimationFrame(id);
    cancelTimer ??= awaitTimer(fire);
  };
  document.addEventListener("visibilitychange", becomeHidden);
  return () => {
    document.removeEventListener("visibilitychange", becomeHidden);
    cancelAnimationFrame(id);
    cancelTimer?.();
  };
}

/** @param {() => void} fire */
function awaitTimer(fire) {
  const id = setTimeout(fire, TIMER_INTERVAL_MS);
  return () => clearTimeout(id);
}

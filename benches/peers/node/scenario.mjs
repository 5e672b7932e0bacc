// What the two servers for Node share: see ../scenario.py.
import { setTimeout as sleep } from 'node:timers/promises'

export { sleep }

/** Nanoseconds of CLOCK_MONOTONIC. They fit a double for the first 104 days of a machine. */
export const monotonicNs = () => Number(process.hrtime.bigint())

/** Keep the event loop for so long. */
export function compute(busyS) {
  const end = performance.now() + busyS * 1000
  while (performance.now() < end);
}

/** The chunk of that number. */
export function makeChunk(scenario, i) {
  const chunk = { text: scenario.text, i }
  if (scenario.busy_s) compute(scenario.busy_s)
  if (scenario.stamp) chunk.sent_ns = monotonicNs()
  return chunk
}

"""``workload.py NAME COUNT``: the border's part of the guard; prints how many events it has handled.

JSON is not encoded here: that is another package's work, and its next version would move the count.
"""

import gc
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))
from border import READ_BYTES, cut, feed, iterate, load_core, read, refuse_debug_build, send

CHUNK = b'{"text":"hello","i":123456}'


def run(name: str, count: int) -> int:
    core = load_core()
    refuse_debug_build(core)
    # A collection in the middle of one run and not of the other would be counted.
    gc.disable()
    frame = core.encode_event(CHUNK)
    if name == "border-send":
        written = send(core, bytes, CHUNK, count)
        return sum(body.count(frame) for body in written)
    if name == "border-decode":
        return feed(core, cut(frame * count, READ_BYTES))
    if name == "border-decode-one-by-one":
        return feed(core, [frame] * count)
    if name == "border-iterate-one-by-one":
        return iterate(core, [frame] * count)
    if name == "border-read-one-by-one":
        return read(core, [frame] * count)
    if name == "border-encode":
        return sum(core.encode_event(CHUNK) == frame for _ in range(count))
    raise SystemExit(f"there is no workload {name}")


if __name__ == "__main__":
    try:
        print(run(sys.argv[1], int(sys.argv[2])))
    except (ModuleNotFoundError, RuntimeError) as error:
        sys.exit(str(error))

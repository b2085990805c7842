"""A peer's script with the processor's clock beside the wall's: `clock.py SCRIPT ARGUMENTS...` adds `cpu` to its line.

On a machine that others use the wall's clock says little. Every reading of the clock by the script is kept with the
processor time of all its threads; the two readings whose difference is the `secs` that it prints give `cpu`.
"""

from __future__ import annotations

import contextlib
import io
import json
import runpy
import sys
import time
from pathlib import Path


def main() -> None:
    """Run the script as if it had been started alone."""
    script = Path(sys.argv[1]).resolve()
    read, readings = time.perf_counter, list[tuple[float, float]]()

    def reading() -> float:
        readings.append((read(), time.process_time()))
        return readings[-1][0]

    time.perf_counter = reading
    sys.argv, out = sys.argv[1:], io.StringIO()
    sys.path.insert(0, str(script.parent))
    with contextlib.redirect_stdout(out):
        runpy.run_path(str(script), run_name="__main__")
    told = json.loads(out.getvalue().strip().splitlines()[-1])
    wall, cpu = readings[-1]
    pairs = [cpu - begun for start, begun in readings if wall - start == told["secs"]]
    sys.stdout.write(json.dumps({**told, "cpu": pairs[0] if pairs else None}) + "\n")


if __name__ == "__main__":
    main()

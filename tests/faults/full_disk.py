"""F5: the disk is full: every sending is asked to come back (503 with Retry-After), and all is taken once it is not."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import ground
import respondent

PORT = 23140
FLOWS = 40
SIZE = {"sqlite": "6m", "postgres": "160m"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    engine = parser.parse_args().engine
    with tempfile.TemporaryDirectory() as name:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE[engine]}", "tmpfs", name], check=True)
        try:
            with ground.database_url(engine, Path(name)) as url:
                figures = trial(url, Path(name))
        finally:
            subprocess.run(["umount", "-l", name], check=True)
    ground.report(
        {"fault": "F5", "engine": engine} | figures, "missing", "duplicates", "not_thanked", "without_retry_after"
    )


def trial(url: str, folder: Path) -> dict[str, object]:
    """Fill the disk while people answer, make room after a while, and let them finish; the server is not restarted."""
    field = ground.prepare(url, folder, people=FLOWS)
    server = ground.start(field, PORT)
    ballast = folder / "ballast"

    def fill() -> None:
        time.sleep(1)
        with ballast.open("wb", buffering=0) as file:
            for size in (4096, 512, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue
        time.sleep(8)
        ballast.unlink()

    filler = threading.Thread(target=fill)
    filler.start()
    try:
        thanked, met, longest = respondent.answer_all(PORT, list(field.links), users=4)
    finally:
        filler.join()
        ground.stop(server)
    return ground.verdict(
        field,
        thanked,
        not_thanked=FLOWS - len(thanked),
        refused_503=met["503"],
        without_retry_after=met["503"] - met["with Retry-After"],
        longest_wait_s=round(longest, 1),
    )


if __name__ == "__main__":
    main()

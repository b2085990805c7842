"""F3: the power fails at every instant after an answer was acknowledged; what is left of the disk still holds it.

A writer that accepts answers with the site's own engine settings runs under strace. Its writes are replayed into new
files: at each crash point only what was synced is there, and once more with a random half of what was not. `--control`
takes away the syncs of the log, and must lose answers: the trial can see a loss.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import ground
from pysqlite3 import dbapi2

from survey.db import open_database
from survey.keys import Keys
from survey.stages import openings, responses

CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
TRACED = "trace=openat,close,pwrite64,write,ftruncate,fdatasync,fsync"
ACK = "ACK "


@dataclass
class Disk:
    """Files as they would be found: what was synced, and the writes that were not yet."""

    synced: dict[str, bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    waiting: dict[str, list[tuple[int, bytes | None]]] = field(default_factory=lambda: defaultdict(list))

    def sync(self, path: str) -> None:
        for write in self.waiting.pop(path, []):
            apply(self.synced[path], write)

    def after_the_cut(self, rng: random.Random | None) -> dict[str, bytearray]:
        """The files; with a generator, a random half of the writes that were under way came through."""
        files = {path: bytearray(content) for path, content in self.synced.items()}
        for path, writes in self.waiting.items():
            for write in writes:
                if rng is not None and rng.random() < 0.5:
                    apply(files.setdefault(path, bytearray()), write)
        return files


def apply(content: bytearray, write: tuple[int, bytes | None]) -> None:
    at, data = write
    if data is None:
        del content[at:]
        content.extend(bytes(at - len(content)))
        return
    content.extend(bytes(max(0, at + len(data) - len(content))))
    content[at : at + len(data)] = data


def write_answers(folder: Path, number: int) -> None:
    """Accept answers one by one, each acknowledged after its commit as the site does."""
    url = f"sqlite:///{folder / 'site.db'}"
    database, keys = open_database(url), Keys(folder / "keys")
    for code in (folder / "links").read_text().split()[:number]:
        with database.begin() as session:
            opening = openings.open_link(session, keys, code, now=datetime.now(UTC))
            responses.accept(
                session, opening, secret=code, submission_key=code, answers={"S15": "5"}, body=b"b",
                now=datetime.now(UTC),
            )  # fmt: skip
        sys.stdout.write(f"{ACK}{code}\n")
        sys.stdout.flush()
    database.close()


def crash_points(trace: Path, disk: Disk, *, control: bool) -> int:
    """Replay the calls; after each sync and each acknowledgement the power fails. The number lost at the worst one."""
    open_files: dict[str, str] = {}
    acknowledged: set[str] = set()
    points, worst, rng = 0, 0, random.Random(3)
    for line in trace.open(encoding="ascii", errors="replace"):
        found = CALL.match(line)
        if found is None or int(found[3]) < 0:
            continue
        name, arguments = found[1], found[2].split(", ")
        path = open_files.get(arguments[0], "")
        if name == "openat":
            open_files[found[3]] = text(arguments[1]).decode()
        elif name == "close":
            open_files.pop(arguments[0], None)
        elif name == "write" and arguments[0] == "1":
            acknowledged |= set(re.findall(rf"{ACK}(\w+)", text(arguments[1]).decode()))
        elif "site.db" in path and not path.endswith("-shm"):
            if name == "pwrite64":
                disk.waiting[path].append((int(arguments[3]), text(arguments[1])))
            elif name == "ftruncate":
                disk.waiting[path].append((int(arguments[1]), None))
            elif name in {"fdatasync", "fsync"} and not (control and path.endswith("-wal")):
                disk.sync(path)
        if name in {"fdatasync", "fsync", "write"}:
            points += 1
            for cut in (None, rng):
                worst = max(worst, len(acknowledged) - surviving(disk.after_the_cut(cut)))
    print(f"crash points: {points}, acknowledged: {len(acknowledged)}", file=sys.stderr)
    return worst if points else -1


def text(argument: str) -> bytes:
    return bytes.fromhex(argument.strip('".').replace("\\x", ""))


def surviving(files: dict[str, bytearray]) -> int:
    """How many answers a restarted site would find; a damaged file is a failure of its own."""
    with tempfile.TemporaryDirectory() as name:
        for path, content in files.items():
            (Path(name) / Path(path).name).write_bytes(content)
        database = dbapi2.connect(Path(name) / "site.db")
        if database.execute("pragma integrity_check").fetchone() != ("ok",):
            sys.exit("a damaged database")
        count: int = database.execute("select count(*) from submission").fetchone()[0]
        database.close()
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=60)
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--write", type=Path)
    stated = parser.parse_args()
    if stated.write:
        return write_answers(stated.write, stated.answers)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = ground.prepare(f"sqlite:///{folder / 'site.db'}", folder, people=stated.answers)
        (folder / "links").write_text("\n".join(made.links))
        disk = Disk()
        disk.synced[str(folder / "site.db")] = bytearray((folder / "site.db").read_bytes())
        command = ["strace", "-f", "-xx", "-s", "70000", "-e", TRACED, "-o", str(folder / "trace")]
        command += [sys.executable, __file__, "--write", name, "--answers", str(stated.answers)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        lost = crash_points(folder / "trace", disk, control=stated.control)
    figures = {"fault": "F3", "answers": stated.answers, "missing": lost, "control": stated.control}
    ground.report(figures, *([] if stated.control else ["missing"]))
    return None


if __name__ == "__main__":
    main()

"""F4: the answer is on the disk before the receipt leaves: fdatasync of the log comes before the 200 is sent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import ground
from respondent import Respondent

PORT = 23130


def calls(trace: str) -> list[str]:
    """The order of what matters after the sending came in: sync, and the receipt going out."""
    found = re.findall(r"(fdatasync\(|fsync\(|recvfrom\([^\n]*POST [^\n]*|sendto\([^\n]*HTTP/1\.1 \d+[^\n]*)", trace)
    names = [("came" if "POST" in one else "sync" if "sync" in one else "sent") for one in found]
    return names[len(names) - 1 - names[::-1].index("came") :]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        field = ground.prepare(f"sqlite:///{folder / 'site.db'}", folder, people=1)
        server = ground.start(field, PORT, workers=1)
        person = Respondent(PORT, f"/k/{field.links[0]}")
        page = person.until_last()
        worker = subprocess.run(["pgrep", "-P", str(server.pid)], capture_output=True, text=True, check=True).stdout
        tracer = subprocess.Popen(
            ["strace", "-f", "-s", "60", "-e", "trace=fdatasync,fsync,recvfrom,sendto", "-o", str(folder / "trace"),
             "-p", worker.split()[0]],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(1)
        state = person.go("POST", person.path, person.fill(page))
        time.sleep(0.5)
        os.kill(tracer.pid, signal.SIGINT)
        tracer.wait(10)
        ground.stop(server)
        order = calls((folder / "trace").read_text(errors="replace"))
    is_right = "sync" in order and "sent" in order and order.index("sync") < order.index("sent")
    thanked = 'data-state="done"' in state
    ground.report({"fault": "F4", "order": order, "thanked": thanked, "wrong": not (is_right and thanked)}, "wrong")


if __name__ == "__main__":
    main()

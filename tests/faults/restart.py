"""A restart while people answer, the socket held as systemd holds it: connections wait, nobody is refused or lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import ground
import respondent

PORT = 23170
FLOWS, TIMES = 60, 3
FIRST = 3  # the descriptor that the service manager hands over (sd_listen_fds)
START = 'LISTEN_PID=$$ exec "$0" -m survey serve --port 1 --workers 2'  # its own port is not what counts


def start(field: ground.Ground, listening: socket.socket) -> subprocess.Popen[bytes]:
    os.dup2(listening.fileno(), FIRST, inheritable=True)
    return subprocess.Popen(
        ["sh", "-c", START, sys.executable], env=field.environment | {"LISTEN_FDS": "1"}, pass_fds=[FIRST],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def restart(field: ground.Ground, listening: socket.socket, over: threading.Event) -> int:
    """Stop and start the server again and again; how often."""
    server, times = start(field, listening), 0
    ground.wait_for(PORT)
    while times < TIMES and not over.wait(2):
        os.kill(server.pid, signal.SIGTERM)
        server.wait(30)
        server = start(field, listening)
        times += 1
    over.wait()
    ground.stop(server)
    return times


def main() -> None:
    with tempfile.TemporaryDirectory() as name, socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((ground.HOST, PORT))
        listening.listen(512)
        field = ground.prepare(f"sqlite:///{Path(name) / 'site.db'}", Path(name), people=FLOWS)
        over, times = threading.Event(), list[int]()
        manager = threading.Thread(target=lambda: times.append(restart(field, listening, over)))
        manager.start()
        ground.wait_for(PORT)
        began = time.monotonic()
        try:
            thanked, met, longest = respondent.answer_all(PORT, list(field.links), users=4)
        finally:
            over.set()
            manager.join()
        figures = ground.verdict(
            field, thanked, restarts=times[0], refused=met["ConnectionRefusedError"],
            broken={name: n for name, n in met.items() if name[0].isupper()}, longest_wait_s=round(longest, 1),
            seconds=round(time.monotonic() - began, 1), not_thanked=FLOWS - len(thanked),
        )  # fmt: skip
    ground.report({"fault": "restart"} | figures, "missing", "duplicates", "refused", "not_thanked")


if __name__ == "__main__":
    main()

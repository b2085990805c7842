"""The real server: what it writes down of those who come, and how it ends what it refused."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

FROM = "127.0.0.9"
CODE = b"SECRETCODE12345"
MALFORMED = [
    b"GARBAGE\r\n\r\n",
    b"GET /k/" + CODE + b" HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET /k/" + CODE + b" HTTP/1.1\r\nBad Header: 1\r\n\r\n",
    b"GET /k/" + CODE * 500 + b" HTTP/1.1\r\n\r\n",
    b"POST /k/" + CODE + b" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: strange\r\n\r\n",
    b"GET /k/" + CODE + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5, 7\r\n\r\n",
]


@dataclass(frozen=True)
class Server:
    """A running site: its port, and the file that everything it says goes to."""

    port: int
    log: Path

    def send(self, request: bytes) -> bytes:
        """The whole answer, up to the end of the connection; a connection that stays open is a TimeoutError."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=4, source_address=(FROM, 0)) as line:
            line.sendall(request)
            answer = b""
            while part := line.recv(65536):
                answer += part
            return answer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    environment = os.environ | {
        "HAILONG_DATABASE": str(folder / "site.db"), "HAILONG_KEYS": str(folder / "keys"),
    }  # fmt: skip
    subprocess.run([sys.executable, "-m", "survey", "db", "upgrade"], env=environment, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "survey", "serve", "--port", str(port), "--workers", "1"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as site:
        made, until = Server(port, folder / "log"), time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(OSError):
                made.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                break
            time.sleep(0.1)
        yield made
        site.terminate()


def test_the_log_names_neither_the_address_nor_the_link_of_a_request_that_is_no_request(server: Server) -> None:
    for request in MALFORMED:
        assert server.send(request).startswith(b"HTTP/1.1 ")
    said = server.log.read_bytes()
    assert said.count(b"Invalid request") == len(MALFORMED)
    assert FROM.encode() not in said
    assert CODE not in said


def test_a_connection_ends_with_the_refusal_of_a_body_that_is_too_large(server: Server) -> None:
    head = (
        b"POST /lang HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 900000000\r\n\r\n"
    )
    answer = server.send(head + b"lang=en&" * 100)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.endswith(b"</html>")

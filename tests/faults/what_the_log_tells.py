"""Attack 22: a whole answer, a failed sign-in and hostile requests; the server's log is JSON and tells of nobody."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlencode

import ground
from respondent import Respondent

PORT = 23160
EVIL = 'Eve\r\n{"what":"request","status":200}\x1b[31mRED\u2028\u202e'
FROM = "127.0.0.9"


class Careless(Respondent):
    """One whose browser says more than it should, from an address that can be told from the server's."""

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, str | None, str]:
        if self.connection is None:
            self.connection = HTTPConnection(ground.HOST, self.port, timeout=30, source_address=(FROM, 0))
        return super().ask(method, path, body)


def send(method: str, path: str, body: str = "", **headers: str) -> int:
    connection = HTTPConnection(ground.HOST, PORT, timeout=20, source_address=(FROM, 0))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, body, sent)
    status = connection.getresponse().status
    connection.close()
    return status


def attack(field: ground.Ground) -> int:
    """How many requests were sent."""
    code, evil = field.links[1], quote(EVIL)
    sign_in = urlencode({"email": EVIL, "password": "0912345678 secret"})
    odd: list[tuple[str, str, str, dict[str, str]]] = [
        ("GET", f"/k/{code}?name={evil}", "", {"User_Agent": "\x1b[31mRED", "X_Forwarded_For": "203.0.113.9"}),
        ("GET", f"/k/{code}%0d%0aINJECTED", "", {}),
        ("GET", f"/{evil}", "", {"Referer": "https://evil.example/0912345678"}),
        ("POST", f"/k/{code}", urlencode({EVIL: EVIL, "Q1": "0912345678"}), {}),
        ("POST", "/staff/sign-in", sign_in, {}),
        ("INJECTED", f"/k/{code}", "", {}),
        ("GET", "/staff/", "", {"Cookie": "staff=\x1b[31mRED; form=INJECTED"}),
        ("GET", "/", "", {"Host": "evil.example"}),
    ]
    for method, path, body, headers in odd:
        send(method, path, body, **headers)
    return len(odd)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        field = ground.prepare(f"sqlite:///{folder / 'site.db'}", folder, people=2)
        command = [sys.executable, "-m", "survey", "serve", "--port", str(PORT), "--workers", "1"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, env=field.environment, stdout=log, stderr=log, start_new_session=True)
        ground.wait_for(PORT)
        try:
            person = Careless(PORT, f"/k/{field.links[0]}")
            state = person.answer()
            person.close()
            odd = attack(field)
        finally:
            ground.stop(server)
        text = (folder / "log").read_bytes()
    told, plain = [], []
    for line in text.decode().splitlines():
        try:
            told.append(json.loads(line))
        except ValueError:
            plain.append(line)
    secrets = [*field.links, field.counter, FROM, "INJECTED", "RED", "evil", "203.0.113.9", "0912345678", "Eve", "\x1b"]
    found = [one for one in secrets if one.encode() in text]
    keys = Counter(key for line in told if line["what"] == "request" for key in line)
    asked = sum(person.seen[status] for status in person.seen if re.fullmatch(r"\d+", status)) + odd
    figures = {
        "fault": "attack 22", "thanked": state == "done", "lines": len(told), "asked": asked, "plain": plain,
        "unlogged": max(0, asked - len(told)), "secrets": found, "unknown": sorted(
            set(keys) - {"at", "what", "method", "route", "status", "ms"}
        ), "not_thanked": state != "done", "stray": len(plain) - 1,
    }  # fmt: skip
    ground.report(figures, "unlogged", "secrets", "unknown", "not_thanked", "stray")


if __name__ == "__main__":
    main()

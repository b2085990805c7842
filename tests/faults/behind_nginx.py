"""The guide for administrators as it is written: its nginx and its systemd units, tried on loopback.

The site restarts three times behind nginx, its socket held as systemd holds it, while people keep asking over TLS: no
request fails. nginx takes the configuration as printed (addresses and paths of this trial in place of the guide's).
"""

from __future__ import annotations

import argparse
import getpass
import html
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

import ground
import restart
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from survey import resources

NAME, PORT, READERS = "khaosat.example.vn", 23190, 4
PATHS = ("/", "/healthz", "/readyz", "/staff/sign-in")
UNITS = ("hailong.socket", "hailong.service")


def blocks() -> list[str]:
    """What the guide prints to be copied."""
    page = resources.tree(resources.Tree.TEMPLATES).joinpath("help", "administrators.en.html").read_text("utf-8")
    return [html.unescape(one) for one in re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)]


def certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "site.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "site.key").write_bytes(key.private_bytes(*plain))


def configuration(folder: Path) -> Path:
    """The guide's server block with this trial's ports and files, in the smallest frame that nginx takes."""
    block = next(one for one in blocks() if one.startswith("server {"))
    for there, here in (
        ("listen 443", f"listen {ground.HOST}:{PORT}"),
        ("/etc/ssl/khaosat.pem", str(folder / "site.pem")),
        ("/etc/ssl/private/khaosat.key", str(folder / "site.key")),
        ("/var/log/nginx/hailong.log", str(folder / "error.log")),
        ("127.0.0.1:8000", f"{ground.HOST}:{restart.PORT}"),
    ):
        if there not in block:
            raise SystemExit(f"the guide's nginx has no {there}")
        block = block.replace(there, here)
    temporary = "".join(
        f"{kind}_temp_path {folder / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"user {getpass.getuser()};\nworker_processes 1;\ndaemon off;\npid {folder / 'pid'};\n"
        f"events {{ worker_connections 256; }}\nhttp {{\n{temporary}{block}\n}}\n"
    )
    return file


def units(folder: Path) -> tuple[int, str]:
    """What `systemd-analyze verify` says of the guide's units; their program is this one."""
    if shutil.which("systemd-analyze") is None:
        return 0, "systemd-analyze is not installed: not tried"
    printed = [one for one in blocks() if one.startswith(("[Unit]", "[Socket]"))]
    socket_unit = next(one for one in printed if one.startswith("[Socket]"))
    service = next(one for one in printed if "hailong serve" in one)
    program = str(Path(sys.executable).with_name("hailong"))
    service = service.replace("/opt/hailong/bin/hailong", program)
    work = service.replace("Requires=hailong.socket\n", "").replace("serve --workers 4", "work")
    for name, text in (("hailong.socket", socket_unit), ("hailong.service", service), ("hailong-work.service", work)):
        (folder / name).write_text(text + "\n")
    files = [str(folder / name) for name in ("hailong.socket", "hailong.service", "hailong-work.service")]
    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if str(folder) in line or "hailong" in line]
    return done.returncode, "; ".join(said)


class Through(HTTPSConnection):
    """A connection to nginx on loopback that asks for the site's name."""

    def connect(self) -> None:
        plain = socket.create_connection((ground.HOST, PORT), timeout=30)
        self.sock = self._context.wrap_socket(plain, server_hostname=NAME)  # type: ignore[attr-defined]


def read(trusted: ssl.SSLContext, over: threading.Event, met: Counter[str], waits: list[float]) -> None:
    """Ask again and again, each time on a new connection, as people do."""
    turn = 0
    while not over.is_set():
        began, turn = time.monotonic(), turn + 1
        connection = Through(NAME, timeout=30, context=trusted)
        try:
            connection.request("GET", PATHS[turn % len(PATHS)])
            answer = connection.getresponse()
            answer.read()
            met[str(answer.status)] += 1
        except (OSError, HTTPException) as error:
            met[type(error).__name__] += 1
        finally:
            connection.close()
        waits.append(time.monotonic() - began)


def headers(trusted: ssl.SSLContext, host: str) -> tuple[int, dict[str, str]]:
    connection = Through(NAME, timeout=30, context=trusted)
    connection.request("GET", "/staff/sign-in", headers={"Host": host})
    answer = connection.getresponse()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=12)
    stated = parser.parse_args()
    if shutil.which("nginx") is None:
        ground.report({"fault": "behind nginx", "tried": False, "why": "nginx is not installed"})
        return
    with tempfile.TemporaryDirectory() as name, socket.socket() as listening:
        folder = Path(name)
        certificate(folder)
        file = configuration(folder)
        took = subprocess.run(["nginx", "-t", "-c", str(file)], capture_output=True, text=True, check=False)
        if took.returncode:
            raise SystemExit(took.stderr)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((ground.HOST, restart.PORT))
        listening.listen(512)
        field = ground.prepare(f"sqlite:///{folder / 'site.db'}", folder, people=5)
        figures = trial(replace(field, base_url=f"https://{NAME}"), folder, file, listening, stated.seconds)
        code, said = units(folder)
    ground.report(
        {"fault": "restart behind nginx", "tried": True} | figures | {"units_refused": code, "units_said": said},
        "failed", "units_refused", "wrong_headers", "logged_bytes",
    )  # fmt: skip


def trial(field: Any, folder: Path, file: Path, listening: socket.socket, seconds: float) -> dict[str, Any]:
    over, times = threading.Event(), list[int]()
    manager = threading.Thread(target=lambda: times.append(restart.restart(field, listening, over)))
    manager.start()
    ground.wait_for(restart.PORT)
    front = subprocess.Popen(["nginx", "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    met, waits = Counter[str](), list[float]()
    trusted = ssl.create_default_context(cafile=str(folder / "site.pem"))
    ended = threading.Event()
    try:
        wait_for_front(trusted)
        status, told = headers(trusted, NAME)
        foreign, _told = headers(trusted, "evil.example")
        readers = [threading.Thread(target=read, args=(trusted, ended, met, waits)) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        time.sleep(seconds)
        ended.set()
        for reader in readers:
            reader.join()
    finally:
        over.set()
        manager.join()
        front.send_signal(signal.SIGQUIT)
        front.wait(30)
    right = (
        status == 200 and foreign == 400 and "max-age" in told.get("strict-transport-security", "")
        and "Secure" in told.get("set-cookie", "")
    )  # fmt: skip
    logged = sum(one.stat().st_size for one in folder.glob("*.log"))
    return {
        "restarts": times[0], "requests": sum(met.values()), "failed": sum(met.values()) - met["200"],
        "met": dict(met), "longest_wait_s": round(max(waits), 2), "wrong_headers": int(not right),
        "logged_bytes": logged,
    }  # fmt: skip


def wait_for_front(trusted: ssl.SSLContext, *, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            headers(trusted, NAME)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("nginx does not answer")


if __name__ == "__main__":
    main()

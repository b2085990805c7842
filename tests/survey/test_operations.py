"""Backup, keys, log and doctor as an administrator at a terminal meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from survey import queue
from survey.config import settings_from
from survey.db import NETWORK_FILESYSTEMS, filesystem_of, open_database
from survey.keys import Keys

Command = Callable[..., subprocess.CompletedProcess[str]]
SECRET = "sáu con vịt bơi ngược dòng"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "HAILONG_DATABASE": str(tmp_path / "site.db"), "HAILONG_KEYS": str(tmp_path / "secret" / "keys"),
        "HAILONG_LANGUAGE": "en",
    }  # fmt: skip


@pytest.fixture
def hailong(environment: dict[str, str], tmp_path: Path) -> Command:
    """Run the program on a site of its own, whose key folder has an installation key."""
    assert Keys(tmp_path / "secret" / "keys").installation

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "survey", *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL
        )

    assert run("db", "upgrade").returncode == 0
    return run


def test_a_site_is_carried_to_an_empty_machine_and_a_cut_file_is_refused(hailong: Command, tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text(SECRET + "\nmore\n", encoding="utf-8")
    sealed = ("--passphrase-file", str(secret))
    assert hailong("backup", str(tmp_path / "b"), *sealed).returncode == 0
    assert hailong("keys", "backup", str(tmp_path / "k"), *sealed).returncode == 0
    again = hailong("backup", str(tmp_path / "b"), *sealed)
    assert (again.returncode, "not written over" in again.stderr) == (1, True)
    (tmp_path / "secret" / "keys" / "installation.key").unlink()
    (tmp_path / "site.db").unlink()
    lost = hailong("restore", str(tmp_path / "b"), *sealed)
    assert (lost.returncode, "installation.key" in lost.stderr) == (1, True)
    assert hailong("keys", "restore", str(tmp_path / "k"), *sealed).stdout.split() == ["installation.key"]
    nobody = hailong("restore", str(tmp_path / "b"))
    assert (nobody.returncode, "passphrase is needed" in nobody.stderr) == (1, True)
    (tmp_path / "cut").write_bytes((tmp_path / "b").read_bytes()[:-1])
    cut = hailong("restore", str(tmp_path / "cut"), *sealed)
    assert (cut.returncode, "its end is missing" in cut.stderr) == (1, True)
    assert not (tmp_path / "site.db").exists()
    put = hailong("restore", str(tmp_path / "b"), *sealed, "--json")
    assert json.loads(put.stdout)["restored"] is True
    assert json.loads(hailong("audit", "verify", "--json").stdout)["entries"] == 1


def test_the_log_that_was_cut_is_found_by_its_head_and_an_edited_entry_by_its_number(
    hailong: Command, tmp_path: Path, environment: dict[str, str]
) -> None:
    for name in ("one", "two", "three"):
        assert hailong("backup", str(tmp_path / name)).returncode == 0  # each leaves an entry
    made = json.loads(hailong("audit", "head", "--out", str(tmp_path / "head"), "--json").stdout)
    assert made["entries"] == 3
    database = open_database(settings_from(environment).database)
    with database.writer.begin() as connection:
        connection.execute(text("delete from audit_entry where number = 3"))
    database.close()
    assert hailong("audit", "verify").returncode == 0
    keyless = ("--key", made["key"])
    cut = hailong("audit", "verify", "--head", str(tmp_path / "head"), *keyless)
    assert (cut.returncode, "entry 3" in cut.stderr, "ends before it" in cut.stderr) == (1, True, True)
    with database.writer.begin() as connection:
        connection.execute(text("update audit_entry set actor = 'nobody' where number = 2"))
    database.close()
    edited = hailong("audit", "verify")
    assert (edited.returncode, "entry 2" in edited.stderr) == (1, True)
    found = {one["name"]: one for one in json.loads(hailong("doctor", "--json").stdout)["checks"]}
    assert (found["audit entries"]["state"], "entry 2" in found["audit entries"]["told"]) == ("wrong", True)


def test_the_doctor_sees_what_is_wrong(hailong: Command, tmp_path: Path, environment: dict[str, str]) -> None:
    def states() -> dict[str, str]:
        told = json.loads(hailong("doctor", "--json").stdout)
        return {one["name"]: one["state"] for one in told["checks"]}

    done = hailong("doctor")
    assert done.returncode == 0, done.stdout
    found = states()
    assert {found[name] for name in ("engine", "journal_mode", "synchronous", "foreign_keys", "tables", "clock")} == {
        "ok"
    }
    assert found["worker"] == "look"
    settings = settings_from(environment)
    queue.beat(queue.open_queue(settings), datetime.now(UTC))
    (tmp_path / "secret" / "keys" / "installation.key").chmod(0o644)
    assert hailong("backup", str(tmp_path / "b")).returncode == 0
    database = open_database(settings.database)
    with database.writer.begin() as connection:
        connection.execute(text("update audit_entry set at = '2999-01-01 00:00:00'"))
    database.close()
    found = states()
    assert (found["worker"], found["keys readable by others"], found["clock"]) == ("ok", "wrong", "wrong")
    assert hailong("doctor").returncode == 1


def test_every_column_is_told_in_both_languages(hailong: Command) -> None:
    told = json.loads(hailong("privacy", "report", "--json").stdout)["columns"]
    phone = next(one for one in told if (one["table"], one["column"]) == ("dossier", "phone"))
    assert phone["deadline"] == {"vi": "xóa khi đóng đợt", "en": "deleted when the wave is closed"}
    assert len(told) > 150


def test_a_network_file_system_is_known_by_the_longest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda / ext4 rw 0 0\nnas:/x /srv nfs4 rw 0 0\ntmpfs /srv/here tmpfs rw 0 0\n")
    assert filesystem_of(Path("/srv/site"), mounts) in NETWORK_FILESYSTEMS
    assert filesystem_of(Path("/srv/here/site"), mounts) == "tmpfs"
    assert filesystem_of(Path("/var"), mounts) == "ext4"
    assert filesystem_of(Path("/var"), tmp_path / "nothing") == ""

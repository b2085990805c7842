"""The commands as somebody at a terminal meets them: how they end, and what they leave untouched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
READING = [
    ["wave", "status", "w"], ["wave", "privacy", "w"], ["doctor"], ["db", "check"], ["db", "downgrade", "base"],
    ["score", "w"], ["serve"], ["work", "--once"], ["sample", "plan", "w"],
]  # fmt: skip


@pytest.fixture
def hailong(tmp_path: Path) -> Command:
    """Run the program on a database of its own."""
    environment = os.environ | {
        "HAILONG_DATABASE": str(tmp_path / "data" / "site.db"), "HAILONG_KEYS": str(tmp_path / "keys"),
        "HAILONG_LANGUAGE": "en",
    }  # fmt: skip

    def run(*arguments: str, module: str = "survey") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

    return run


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_a_command_that_reads_begins_no_empty_database(hailong: Command, tmp_path: Path, arguments: list[str]) -> None:
    done = hailong(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no database" in done.stderr
    assert "db upgrade" in done.stderr
    assert not (tmp_path / "data").exists()


def test_figures_under_another_header_are_refused_in_words(hailong: Command, tmp_path: Path) -> None:
    hailong("db", "upgrade")
    (tmp_path / "figures.csv").write_text("unit,code,amount,source\n98-01,8.1,3,x\n", encoding="utf-8")
    done = hailong("inputs", "import", "w", str(tmp_path / "figures.csv"))
    assert done.returncode == 1
    assert done.stderr.strip() == "the header has a column that is not known: 3: amount"


def test_wrong_usage_ends_with_2_and_a_file_that_is_not_one_of_cases_with_1(hailong: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"format": "other"}', encoding="utf-8")
    assert hailong("check", module="analysis").returncode == 2
    assert hailong("check", str(tmp_path / "nothing.json"), module="analysis").returncode == 2
    done = hailong("check", str(tmp_path / "bad.json"), module="analysis")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (tmp_path / "bad.json").write_text("no JSON", encoding="utf-8")
    assert hailong("check", str(tmp_path / "bad.json"), module="analysis").returncode == 1

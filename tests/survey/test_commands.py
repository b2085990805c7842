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

WAVE = """
code = "w"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = "local-department-sample"
province = "98"
period_from = 2026-01-01
period_to = 2026-03-31
opens = 2026-03-01T08:00:00
closes = 2026-04-01T17:00:00
units = "*"
targets = { default = 30 }
"""


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
    assert done.stderr.strip() == "figures.csv: the header has a column that is not known: 3: amount"


def test_wrong_usage_ends_with_2_and_a_file_that_is_not_one_of_cases_with_1(hailong: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"format": "other"}', encoding="utf-8")
    assert hailong("check", module="analysis").returncode == 2
    assert hailong("check", str(tmp_path / "nothing.json"), module="analysis").returncode == 2
    done = hailong("check", str(tmp_path / "bad.json"), module="analysis")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (tmp_path / "bad.json").write_text("no JSON", encoding="utf-8")
    assert hailong("check", str(tmp_path / "bad.json"), module="analysis").returncode == 1


def test_figures_of_a_wave_are_refused_by_row_with_what_to_do_and_none_is_kept(
    hailong: Command, tmp_path: Path
) -> None:
    hailong("db", "upgrade")
    units = "code,name_vi,name_en,type,parent,rated\n98,T,T,province,,no\n98-01,S,S,department,98,yes\n"
    (tmp_path / "units.csv").write_text(units, encoding="utf-8")
    (tmp_path / "wave.toml").write_text(WAVE, encoding="utf-8")
    assert hailong("units", "import", str(tmp_path / "units.csv")).returncode == 0
    assert hailong("wave", "create", str(tmp_path / "wave.toml")).returncode == 0
    lines = ["unit,code,value,source", "98-01,1.1.1,1,x", "98-01,1.1.1,1,x", "98-01,1.1.1x,1,x", "98-02,1.1.1,1,x",
             "98-01,1.2.1,1.1,x", "98-01,1.2.2,one,x", "98-01,1.2.3,1,"]  # fmt: skip
    (tmp_path / "figures.csv").write_text("\n".join(lines), encoding="utf-8")
    done = hailong("inputs", "import", "w", str(tmp_path / "figures.csv"))
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.partition(": row ")[2].partition(":")[0] for line in done.stderr.splitlines()] == [
        "3, code", "4, code", "5, unit", "6, value", "7, value", "8, source",
    ]  # fmt: skip
    values = ["1_0", "+1", "1e3", "NaN", "\u0663", ".5"]
    numbers = [lines[0], *(f"98-01,1.1.1,{value},x" for value in values)]
    (tmp_path / "figures.csv").write_text("\n".join(numbers), encoding="utf-8")
    done = hailong("inputs", "import", "w", str(tmp_path / "figures.csv"))
    told = done.stderr.splitlines()
    assert [line.partition(": row ")[2].partition(":")[0] for line in told] == [f"{n}, value" for n in range(2, 8)]
    figures = [lines[0], '98-01,1.1.1,"0,5",x', "98-01,1.2.1,0.5,x", '98-01,1.1.2,"87,125",x']
    (tmp_path / "figures.csv").write_text("\n".join(figures), encoding="utf-8")
    told = hailong("inputs", "import", "w", str(tmp_path / "figures.csv")).stderr.splitlines()
    assert [line.partition(": row ")[2].partition(",")[0] for line in told] == ["3", "4"]  # a second sign; thousands?
    (tmp_path / "figures.csv").write_text("\n".join(figures[:2]), encoding="utf-8")
    assert hailong("inputs", "import", "w", str(tmp_path / "figures.csv")).stdout == "1\n"

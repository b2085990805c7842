"""The fault scripts in short: each leaves with a failure when an answer is lost, doubled or over its target."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize(
    "trial",
    [
        "bad_network.py --flows 6",
        "last_places.py --clients 24 --places 5",
        "crossed_cells.py --clients 12 --rounds 1 --places 1",
        "old_form.py",
        "restart.py",
        "backup_under_load.py --flows 24 --harmed 1",
        "what_the_log_tells.py",
        "behind_nginx.py --seconds 4",
    ],
)
def test_no_fault_loses_or_doubles_an_answer(trial: str) -> None:
    script, *options = trial.split()
    done = subprocess.run([sys.executable, HERE / script, *options], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_power_cut_takes_no_acknowledged_answer() -> None:
    command = [sys.executable, HERE / "power_cut.py", "--answers", "8"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr

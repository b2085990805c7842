"""The house itself: rooms import only what lies below, the wheel carries its trees, pages start without statistics."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for room in ("survey", "analysis") for path in (ROOT / room).rglob("*.py"))
LONGEST_FILE = 400


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_import_contracts_hold() -> None:
    done = run(str(Path(sys.executable).parent / "lint-imports"), "--no-cache")
    assert done.returncode == 0, done.stdout


def test_the_site_starts_without_the_statistics() -> None:
    code = "import sys, survey.app; print(sorted({'numpy', 'scipy', 'statsmodels', 'analysis'} & set(sys.modules)))"
    assert run(sys.executable, "-c", code).stdout.strip() == "[]"


def test_the_wheel_owns_two_packages_and_carries_its_trees(tmp_path: Path) -> None:
    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    assert built.returncode == 0, built.stderr
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"survey", "analysis"}
    for needed in (
        "survey/_bundle/templates/base.html",
        "survey/_bundle/migrations/env.py",
        "survey/_bundle/translations/vi/LC_MESSAGES/messages.po",
        "survey/data/facts/communes.csv",
        "survey/static/site.css",
        "analysis/components/scores.schema.json",
    ):
        assert needed in names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_and_stays_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "the first sentence is missing"
    assert len(text.splitlines()) <= LONGEST_FILE
    if path.name == "__init__.py":
        assert len(tree.body) == 1, "an __init__ is a docstring and nothing else"


def test_nothing_names_a_machine_or_a_registry() -> None:
    tracked = run("git", "ls-files").stdout.split("\n")
    for name in filter(None, tracked):
        path = ROOT / name
        if (
            path.suffix in {".py", ".md", ".toml", ".txt", ".html", ".cfg", ""}
            and path.is_file()
            and path != Path(__file__)
        ):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert "index-url" not in text.replace("--no-emit-index-url", ""), name
            assert "/root/" not in text, name

"""What a result was computed by: this program's own files, its lock of versions, the libraries that are installed."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis.components import disclosure
from survey import resources

LIBRARIES = ("numpy", "scipy", "statsmodels", "pyarrow", "xlsxwriter")
LOCK = "run.txt"


@cache
def code() -> dict[str, Any]:
    """The version and everything that may move a digit."""
    lock = resources.tree(resources.Tree.REQUIREMENTS) / LOCK
    return {
        "version": version("hailong"),
        "sources": _sources(),
        "lock": hashlib.sha256(lock.read_bytes()).hexdigest(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def rules() -> dict[str, Any]:
    """What is kept untold (analysis/README section 10a), by the file that alone decides it."""
    file = Path(disclosure.__file__)
    return {"fewest": disclosure.FEWEST, "by": hashlib.sha256(file.read_bytes()).hexdigest()}


def _sources() -> str:
    """One hash over every Python file of both packages, by name."""
    found = hashlib.sha256()
    packages = (resources.PACKAGE, Path(disclosure.__file__).parents[1])
    for package in packages:
        for path in sorted(package.rglob("*.py")):
            found.update(f"{package.name}/{path.relative_to(package).as_posix()}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()

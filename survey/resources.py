"""Finds the data trees, in a checkout and in the installed wheel alike.

`data` and `static` lie inside the package. `templates`, `translations` and `migrations` stand at the root of the
checkout, where people look for them, and reach the wheel under `survey/_bundle/`.
"""

from enum import StrEnum
from pathlib import Path

from survey.errors.common import MissingTree

PACKAGE = Path(__file__).resolve().parent


class Tree(StrEnum):
    """A folder of files that are not Python."""

    DATA = "data"
    STATIC = "static"
    TEMPLATES = "templates"
    TRANSLATIONS = "translations"
    MIGRATIONS = "migrations"
    REQUIREMENTS = "requirements"


INSIDE = frozenset({Tree.DATA, Tree.STATIC})


def tree(name: Tree, *, package: Path = PACKAGE) -> Path:
    """Return the folder of a tree.

    The bundle comes first: in `site-packages` a folder `templates` beside the package is somebody else's.
    """
    places = [package / name] if name in INSIDE else [package / "_bundle" / name, package.parent / name]
    for place in places:
        if place.is_dir():
            return place
    raise MissingTree(str(name))


def data(*parts: str, package: Path = PACKAGE) -> Path:
    """Return a path inside `survey/data`, as in `data("facts", "communes.csv")`."""
    return tree(Tree.DATA, package=package).joinpath(*parts)

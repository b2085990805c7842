"""Data trees are found in a checkout and in an installed package."""

from pathlib import Path

import pytest

from survey import resources
from survey.errors.common import MissingTree
from survey.resources import Tree


def folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def test_the_checkout_has_its_data() -> None:
    assert resources.data("facts", "communes.csv").is_file()


def test_a_tree_at_the_root_of_the_checkout_is_found(tmp_path: Path) -> None:
    wanted = folder(tmp_path / "templates")
    assert resources.tree(Tree.TEMPLATES, package=folder(tmp_path / "survey")) == wanted


def test_an_installed_package_takes_its_bundle_and_not_a_stranger_beside_it(tmp_path: Path) -> None:
    folder(tmp_path / "templates")
    wanted = folder(tmp_path / "survey" / "_bundle" / "templates")
    assert resources.tree(Tree.TEMPLATES, package=tmp_path / "survey") == wanted


def test_data_beside_the_package_is_not_the_package_s_own(tmp_path: Path) -> None:
    folder(tmp_path / "data")
    with pytest.raises(MissingTree) as refusal:
        resources.data("facts", package=folder(tmp_path / "survey"))
    assert refusal.value.tree == "data"

"""A wave file: shipped questionnaires and schemes by code, the province's own as files beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from survey import resources
from survey.errors.common import FileRefused, UnknownInstrument
from survey.faults import FaultyFile
from survey.wavefile import read_wave_file

WAVE = """
code = "w"
kind = "real"
audience = "citizens"
instrument = "{instrument}"
scheme = "{scheme}"
province = "98"
period_from = 2025-07-01
period_to = {until}
opens = 2026-01-05T07:00:00
closes = 2026-01-19T17:00:00
units = "*"
[targets]
default = 30
98-01 = 60
"""


def wave_file(folder: Path, *, instrument: str = "service-2025", scheme: str = "local-department-sample",
              until: str = "2025-12-31", extra: str = "") -> Path:  # fmt: skip
    path = folder / "wave.toml"
    path.write_text(extra + WAVE.format(instrument=instrument, scheme=scheme, until=until), encoding="utf-8")
    return path


def test_a_questionnaire_of_ones_own_lies_beside_the_wave_file(tmp_path: Path) -> None:
    text = resources.data("instruments", "service-2025.toml").read_text(encoding="utf-8")
    (tmp_path / "ours.toml").write_text(text.replace('"service-2025"', '"ours-2026"', 1), encoding="utf-8")
    plan = read_wave_file(wave_file(tmp_path, instrument="ours.toml"))
    assert plan.read_instrument().code == "ours-2026"
    assert [scheme.code for scheme in plan.read_schemes()] == ["local-department-sample"]
    assert dict(plan.targets) == {"98-01": 60}


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownInstrument):
        read_wave_file(wave_file(tmp_path, instrument="nothing")).read_instrument()
    with pytest.raises(FileRefused, match=r"nothing\.toml"):
        read_wave_file(wave_file(tmp_path, scheme="nothing.toml")).read_schemes()


def test_a_scheme_that_asks_for_items_that_the_questionnaire_lacks_is_refused(tmp_path: Path) -> None:
    text = resources.data("schemes", "local-department-sample.toml").read_text(encoding="utf-8")
    changed = text.replace('level_of = "overall"', 'level_of = "factor"').replace('code = "overall"', 'code = "XX"')
    (tmp_path / "ours.toml").write_text(changed, encoding="utf-8")
    if changed == text:
        pytest.fail("the shipped scheme no longer has the rule that this test changes")
    with pytest.raises(FaultyFile):
        read_wave_file(wave_file(tmp_path, scheme="ours.toml")).read_schemes()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"until": "2024-12-31"}, "period_to"),
        ({"until": '"2025-12-31"'}, "period_to"),
        ({"extra": "colour = 1\n"}, "colour"),
    ],
)
def test_a_fault_is_named_by_its_key(tmp_path: Path, change: dict[str, str], place: str) -> None:
    with pytest.raises(FaultyFile) as refused:
        read_wave_file(wave_file(tmp_path, **change))
    assert place in {fault.key for fault in refused.value.faults}

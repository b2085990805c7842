"""The extract's manifest: which wave, which province, which units, made by which code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Any

from analysis.components.instrument import Audience
from analysis.errors import DuplicateKey, KeyInvalid

FILE = "manifest.json"
FORMAT = 1


class WaveKind(StrEnum):
    REAL = "real"
    REHEARSAL = "rehearsal"


@dataclass(frozen=True)
class Unit:
    """A unit as the wave froze it; only rated ones get rows."""

    code: str
    name_vi: str
    name_en: str
    type: str
    rated: bool


@dataclass(frozen=True)
class Manifest:
    """The manifest without its hashes; `told` is the whole object as it was given."""

    wave: str
    kind: WaveKind
    audience: Audience
    year: int
    province: str
    units: tuple[Unit, ...]
    told: Mapping[str, Any]

    @cached_property
    def names(self) -> dict[str, tuple[str, str]]:
        """Names (vi, en) of every unit and of the province."""
        whole = self.told["province"]
        names = {unit.code: (unit.name_vi, unit.name_en) for unit in self.units}
        return {**names, self.province: (str(whole["name_vi"]), str(whole["name_en"]))}

    def rated(self, serves: Callable[[str], bool] | None = None) -> tuple[str, ...]:
        """Codes of the rated units, of the types that a scheme serves when one is asked for."""
        return tuple(unit.code for unit in self.units if unit.rated and (serves is None or serves(unit.type)))

    def as_dict(self) -> dict[str, Any]:
        """The manifest as it is written: no hashes, units in the order of their codes."""
        units = sorted(self.told["units"], key=lambda unit: str(unit["code"]))
        return {**{key: value for key, value in self.told.items() if key != "hashes"}, "units": units}


def read_manifest(told: Mapping[str, Any]) -> Manifest:
    """Check the manifest's keys. Raises KeyInvalid, DuplicateKey."""
    if _needed(told, "format", "") != FORMAT:
        raise KeyInvalid(FILE, "", "format", told["format"], str(FORMAT))
    for key in ("code_version", "seed"):
        _needed(told, key, "")
    if _date(told, "period_to") < _date(told, "period_from"):
        raise KeyInvalid(FILE, "", "period_to", told["period_to"], "a date not before period_from")
    province = _needed(told, "province", "")
    if not isinstance(province, Mapping):
        raise KeyInvalid(FILE, "", "province", province, "an object")
    for key in ("code", "name_vi", "name_en"):
        _text(province, key, "province")
    units = read_units(told)
    year = _needed(told, "year", "")
    if not isinstance(year, int) or isinstance(year, bool):
        raise KeyInvalid(FILE, "", "year", year, "a whole number")
    return Manifest(
        _text(told, "wave", ""),
        WaveKind(_word(told, "kind", WaveKind)),
        Audience(_word(told, "audience", Audience)),
        year, province["code"], units, dict(told),
    )  # fmt: skip


def read_units(told: Mapping[str, Any]) -> tuple[Unit, ...]:
    """The units of a manifest by code. Raises KeyInvalid, DuplicateKey."""
    listed = _needed(told, "units", "")
    if not isinstance(listed, Sequence) or not all(isinstance(one, Mapping) for one in listed):
        raise KeyInvalid(FILE, "", "units", listed, "a list of objects")
    units = tuple(sorted((_unit(one) for one in listed), key=lambda unit: unit.code))
    for first, second in pairwise(units):
        if first.code == second.code:
            raise DuplicateKey(FILE, first.code)
    return units


def read_hashes(told: Mapping[str, Any]) -> dict[str, str]:
    """The SHA-256 of every other file by its name. Raises KeyInvalid."""
    hashes = told.get("hashes", {})
    if not isinstance(hashes, Mapping):
        raise KeyInvalid(FILE, "", "hashes", hashes, "an object: the SHA-256 of every other file")
    return {name: _text(hashes, name, "hashes") for name in hashes}


def _unit(told: Mapping[str, Any]) -> Unit:
    place = f"unit {told.get('code', '?')}"
    texts = [_text(told, key, place) for key in ("code", "name_vi", "name_en", "type")]
    rated = _needed(told, "rated", place)
    if not isinstance(rated, bool):
        raise KeyInvalid(FILE, place, "rated", rated, "true or false")
    return Unit(texts[0], texts[1], texts[2], texts[3], rated)


def _needed(told: Mapping[str, Any], key: str, place: str) -> Any:
    if key not in told:
        raise KeyInvalid(FILE, place, key, None, "a value: the key is missing")
    return told[key]


def _text(told: Mapping[str, Any], key: str, place: str) -> str:
    value = _needed(told, key, place)
    if not isinstance(value, str) or not (value or key.startswith("name_")):
        raise KeyInvalid(FILE, place, key, value, "a text that is not empty")
    return value


def _date(told: Mapping[str, Any], key: str) -> date:
    value = _text(told, key, "")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = None
    if day is None or day.isoformat() != value:
        raise KeyInvalid(FILE, "", key, value, "a date (yyyy-mm-dd)")
    return day


def _word(told: Mapping[str, Any], key: str, allowed: type[StrEnum]) -> str:
    value = _needed(told, key, "")
    if value not in list(allowed):
        raise KeyInvalid(FILE, "", key, value, ", ".join(allowed))
    return str(value)

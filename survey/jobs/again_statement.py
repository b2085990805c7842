"""Holds what a bundle's statement and decisions say against its own extract and figures: another key may sign lies."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.extract import MANIFEST, Extract, Scores
from survey.custody import statements
from survey.custody.broken import BundleBroken, Fault
from survey.instrument import load_instrument
from survey.stages import results

EXTRACT, DECISIONS, UNIT = "extract", "decisions.json", "unit"
AGENCIES = 2


def require(folder: Path, scores: Scores, told: Mapping[str, Any], bundle: str) -> None:
    """BundleBroken names the first field that the bundle itself contradicts."""
    manifest = json.loads((folder / EXTRACT / MANIFEST).read_bytes())
    wanted = {
        "extract": scores.facts["extract"],
        "schemes": {one["code"]: one["sha256"] for one in scores.facts["schemes"]},
        "year": manifest["year"],
    }
    wanted |= _of_index(manifest, scores) if "index" in told else _of_wave(folder, manifest, told)
    for field, value in wanted.items():
        _require_same(bundle, field, told.get(field), value)
    _require_same(bundle, "code.version", told["code"]["version"], manifest["code_version"])
    rows = told.get("options", {}).get("rows")
    if rows is not None:
        _require_same(bundle, "options.rows", rows, results.rows_digest(row.as_dict() for row in scores.rows))
        _require_same(bundle, "options.parts", told["options"].get("parts"), manifest["hashes"])
    _require_signed(bundle, told)


def _of_index(manifest: Mapping[str, Any], scores: Scores) -> dict[str, Any]:
    return {"index": scores.facts["schemes"][0]["code"], "waves": [one["code"] for one in manifest["waves"]]}


def _of_wave(folder: Path, manifest: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    drawn = told["seed"] is not None or manifest["seed"]  # a wave that nobody was drawn for has none
    return {
        **{name: manifest[name] for name in ("wave", "kind", "audience")},
        "province": manifest["province"]["code"],
        "seed": str(manifest["seed"]) if drawn else None,
        "instrument": load_instrument(folder / EXTRACT / "instrument.toml").digest,
    }


def _require_signed(bundle: str, told: Mapping[str, Any]) -> None:
    """Two agencies, one of them not rated; a seal that replaces another says which and why."""
    signed = told["signed"]
    if len({one["agency"] for one in signed}) < AGENCIES or all(one["rated"] for one in signed):
        raise _other(bundle, "signed", signed, "")
    before = told["replaces"]
    number = 1 if before is None else before["number"] + 1
    _require_same(bundle, "number", told["number"], number)
    if (told["reason"] is None) != (before is None):
        raise _other(bundle, "reason", told["reason"], "")


def require_decisions(folder: Path, taken: Extract, told: Mapping[str, Any], bundle: str) -> None:
    """What was decided about suspicious answers is what their flags in the extract say, as far as counts tell."""
    path = folder / DECISIONS
    if not path.is_file():
        return
    decisions, flags = json.loads(path.read_bytes()), [str(flag) for flag in taken.answers["flag"].values()]
    screening, cases = decisions["screening"], decisions["cases"]
    if screening is not None and screening["answers"] != len(flags):
        raise _other(bundle, "answers", screening["answers"], len(flags), DECISIONS)
    if of_units := [case for case in cases if case["kind"] == UNIT]:
        by_unit = Counter(str(unit) for unit in taken.answers["unit"].values())
        for case in of_units:
            if case["answers"] != by_unit[case["name"]]:
                raise _other(bundle, f"{case['name']} answers", case["answers"], by_unit[case["name"]], DECISIONS)
    for verdict, flag in (("confirmed", "confirmed"), (None, "open")):
        found, pointed = flags.count(flag), [case["flagged"] for case in cases if case["verdict"] == verdict]
        least = max(pointed, default=0) if verdict else 0  # an answer may be in several cases, and be confirmed in one
        if not least <= found <= sum(pointed):
            raise _other(bundle, _named(cases, verdict), sum(pointed), found, DECISIONS)
    codes = (told.get("receipts") or {}).get("codes", 0)
    if codes > len(flags):
        raise _other(bundle, "receipts.codes", codes, len(flags))


def _named(cases: Sequence[Mapping[str, Any]], verdict: str | None) -> str:
    one = next((case for case in cases if case["verdict"] == verdict), None)
    return "verdict" if one is None else f"{one['name']} verdict"


def _require_same(bundle: str, field: str, stated: Any, found: Any) -> None:
    if stated != found:
        raise _other(bundle, field, stated, found)


def _other(bundle: str, field: str, stated: Any, found: Any, file: str = statements.FILE) -> BundleBroken:
    shown = (statements.short("" if value is None else value) for value in (stated, found))
    return BundleBroken(bundle, Fault.OTHER_DIGITS, file, None, field, *shown)

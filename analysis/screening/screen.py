"""The screening of a wave: every signal for every group, with one control of false discoveries over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.design import BoolArray, FloatArray, IntArray
from analysis.errors import LengthMismatch, OptionInvalid
from analysis.screening import doors, lines, patterns
from analysis.screening.copies import copies
from analysis.screening.doors import Counted, Door
from analysis.screening.findings import Finding, Signal, flagged, suspected
from analysis.screening.opinions import Opinions, Placed, fit_opinions, place
from analysis.screening.patterns import Pattern
from analysis.screening.sheets import Grouping, Sheets, members

PASSES = 2  # the second measures by the answers of the groups that the first did not flag
MOST_DOUBTED = 0.25  # of the answers, at most, are left out of the measure
NAMED = 0.5  # evidence from which an answer of a suspicious group is named

DOOR_SIGNALS = {
    Signal.OUT_OF_HOURS: doors.out_of_hours,
    Signal.BURST: doors.bursts,
    Signal.SHORT_GAPS: doors.short_gaps,
    Signal.FAST: doors.fast_forms,
    Signal.NO_REFUSALS: doors.no_refusals,
}


@dataclass(frozen=True)
class Options:
    """Largest share of honest groups among the flagged, and the answers from which a group is tested."""

    fdr: float
    least: int


@dataclass(frozen=True, eq=False)
class Screening:
    """All tests in a fixed order, the groups too small to be tested (kind, name), and the answers that a flag names."""

    findings: tuple[Finding, ...]
    too_small: tuple[tuple[str, str], ...]
    suspected: BoolArray

    @property
    def flags(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.flagged)


@dataclass(frozen=True, eq=False)
class _Part:
    """The groups of one kind that are tested: codes int64[n] (-1 outside), names."""

    kind: str
    codes: IntArray
    names: tuple[str, ...]


def screen(
    sheets: Sheets,
    groupings: Sequence[Grouping],
    options: Options,
    *,
    rng: np.random.Generator,
    door: Sequence[Door] = (),
) -> Screening:
    """Test every group of every kind for every signal.

    The null is the wave itself (permuted answers, the other groups' rates), so what all groups do alike is not seen:
    compare the wave's own rates with an independent one for that. Fabricated answers in the null would hide others like
    them, so the groups that a first pass flags are left out of the measure of the second. A group whose answers are
    those of a group of an earlier kind is not tested twice. Seeded by `rng`: the same sheets, groupings and seed give
    the same findings. Raises OptionInvalid, LengthMismatch.
    """
    if not 0 < options.fdr < 1 or options.least < 2:
        raise OptionInvalid("screening", options, "fdr between 0 and 1, least 2 or more")
    parts, small = _tested(sheets, groupings, options.least)
    counted: list[Finding] = []
    for one in door:
        doors.check_door(one)
        counted += _counters(one, options.least)
    told = _told(sheets, parts, counted, options, rng)
    for _ in range(PASSES - 1):
        doubted = _doubted(told, parts, sheets.rows)
        if not doubted.any():
            break
        told = _told(replace(sheets, doubted=doubted), parts, counted, options, rng)
    return Screening(told, small, suspected(told, sheets.rows))


def _told(
    sheets: Sheets, parts: Sequence[_Part], counted: Sequence[Finding], options: Options, rng: np.random.Generator
) -> tuple[Finding, ...]:
    """All findings of one pass, measured by the trusted answers."""
    model = fit_opinions(sheets)
    placed = place(sheets, model)
    found = [one for part in parts for one in _answers(sheets, model, placed, part, rng)]
    return flagged([*found, *counted], fdr=options.fdr)


def _doubted(told: Sequence[Finding], parts: Sequence[_Part], rows: int) -> BoolArray:
    """Answers of the flagged groups, the surest groups first, at most MOST_DOUBTED of all, bool[n]."""
    places = {(part.kind, name): (part, group) for part in parts for group, name in enumerate(part.names)}
    surest: dict[tuple[str, str], float] = {}
    for one in told:
        key = (one.kind, one.group)
        if one.flagged and key in places:
            surest[key] = min(one.adjusted_p, surest.get(key, 1.0))
    mark = np.zeros(rows, dtype=np.bool_)
    for key in sorted(surest, key=lambda one: (surest[one], one)):
        part, group = places[key]
        wider = mark | (part.codes == group)
        mark = wider if wider.sum() <= MOST_DOUBTED * rows else mark
    return mark


def _tested(
    sheets: Sheets, groupings: Sequence[Grouping], least: int
) -> tuple[list[_Part], tuple[tuple[str, str], ...]]:
    seen: set[bytes] = set()
    parts: list[_Part] = []
    small: list[tuple[str, str]] = []
    for grouping in groupings:
        if len(grouping.codes) != sheets.rows:
            raise LengthMismatch(f"grouping {grouping.kind}", sheets.rows, len(grouping.codes))
        codes = np.full(sheets.rows, -1, dtype=np.int64)
        names: list[str] = []
        for group, rows in enumerate(members(grouping.codes, len(grouping.names))):
            if len(rows) < least:
                small.append((grouping.kind, grouping.names[group]))
            elif rows.tobytes() not in seen:
                seen.add(rows.tobytes())
                codes[rows] = len(names)
                names.append(grouping.names[group])
        if names:
            parts.append(_Part(grouping.kind, codes, tuple(names)))
    return parts, tuple(small)


def _answers(
    sheets: Sheets, model: Opinions, placed: Placed, part: _Part, rng: np.random.Generator
) -> Iterator[Finding]:
    groups = len(part.names)
    near = copies(sheets, model, placed, part.codes, groups, rng)
    yield from _rows(part, Signal.COPIES, (near.pairs, near.expected, near.quantile, near.p), near.rows)
    for signal, marked in ((Signal.STRAIGHT, lines.straight(sheets)), (Signal.LONG_RUN, lines.long_runs(sheets))):
        rate = lines.rates(sheets, marked, part.codes, groups)
        named = members(np.where(marked, part.codes, -1), groups)
        yield from _rows(part, signal, (rate.count, rate.expected, rate.quantile, rate.p), named)
    yield from _patterns(part, Signal.MADE_UP, patterns.made_up(sheets, model, placed, part.codes, groups, rng))
    yield from _patterns(part, Signal.TOP_CODES, patterns.top_codes(sheets, placed, part.codes, groups, rng))
    yield from _patterns(part, Signal.SCATTERED, patterns.scattered(sheets, model, placed, part.codes, groups, rng))
    yield from _patterns(part, Signal.ALIKE, patterns.alike(sheets, part.codes, groups, rng))
    if sheets.unanswered.any():
        whole = patterns.too_complete(sheets, part.codes, groups, rng)
        yield from _patterns(part, Signal.TOO_COMPLETE, whole)


def _patterns(part: _Part, signal: Signal, pattern: Pattern) -> Iterator[Finding]:
    groups = len(part.names)
    evidence = np.zeros(len(part.codes)) if pattern.rows is None else pattern.rows
    named = members(np.where(evidence > NAMED, part.codes, -1), groups)
    yield from _rows(part, signal, (pattern.z, np.zeros(groups), pattern.tails.quantile, pattern.tails.p), named)


def _rows(
    part: _Part,
    signal: Signal,
    figures: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    rows: Sequence[IntArray],
) -> Iterator[Finding]:
    sizes = np.bincount(part.codes[part.codes >= 0], minlength=len(part.names))
    statistic, expected, quantile, p = figures
    for group, name in enumerate(part.names):
        told = (float(statistic[group]), float(expected[group]), float(quantile[group]), float(p[group]))
        yield Finding(part.kind, name, signal, *told, int(sizes[group]), tuple(rows[group].tolist()))


def _counters(door: Door, least: int) -> Iterator[Finding]:
    for signal, test in DOOR_SIGNALS.items():
        found: Counted = test(door)
        for row, name in enumerate(door.names):
            if found.n[row] >= least:
                told = (found.count[row], found.expected[row], found.quantile[row], found.p[row])
                statistic, expected, quantile, p = (float(one) for one in told)
                yield Finding(door.kind, name, signal, statistic, expected, quantile, p, int(found.n[row]), ())

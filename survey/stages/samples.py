"""The sample: dossiers drawn by unit and field with known probability, one dossier kept of each person.

Phase 1 draws dossiers in each stratum (unit x group of fields) without replacement. Phase 2 keeps one at random of the
k drawn dossiers of a person (over all units) and gives it the weight k / probability; the others are "not selected",
never "no answer" (METHOD section 3). The same seed gives the same sample.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, delete, insert, select, update
from sqlalchemy.orm import Session

from survey.errors.common import AlreadyDrawn, FrameEmpty
from survey.errors.waves import PlanDecides
from survey.model.frame import Dossier
from survey.model.sample import ClassCell, Draw, SampledDossier
from survey.model.wave import Wave
from survey.stages import audit, classes, coverage, plans, waves
from survey.stages.classes import PRIVACY_FLOOR, Split
from survey.wavefile import Kind, Mode

CHUNK = 5000
USUAL_RATE = 0.25  # of a rehearsal that nobody planned


@dataclass(frozen=True)
class Listed:
    """What the draw needs to know of a dossier of the frame."""

    id: bytes
    mark: bytes
    person: bytes | None
    reachable: bool
    unit: str
    field: str
    timing: str
    channel: str
    sex: str
    age_band: str


@dataclass(frozen=True)
class Stratum:
    """Fields of one unit that are drawn from together: N dossiers, n to draw."""

    code: str
    unit: str
    fields: frozenset[str]
    population: int
    size: int


@dataclass
class Drawn:
    """A drawn dossier on its way to the table."""

    listed: Listed
    stratum: str
    probability: float
    multiplicity: int = 1
    kept: bool = True
    class_code: str | None = None

    @property
    def weight(self) -> float:
        return self.multiplicity / self.probability

    @property
    def invitable(self) -> bool:
        return self.kept and self.listed.reachable


def plan(session: Session, wave: Wave, *, response_rate: float | None) -> list[Stratum]:
    """The strata of a draw with what it would take from each; nothing is drawn."""
    invited, _rate = _invitations(session, wave, response_rate)
    return _strata(_frame_to_draw(session, wave), invited)


def draw(
    session: Session, wave: Wave, *, seed: int, response_rate: float | None, actor: str, now: datetime,
    document: str | None = None,
) -> Draw:  # fmt: skip
    """Draw the wave's sample once: as its plan says (a real wave knows nothing else), or the targets divided by the
    response rate expected; "take all" where that is more. A real wave needs the minutes (biên bản) of its draw."""
    waves.require(wave, *waves.COMING)
    earlier = session.get(Draw, wave.id)
    if earlier is not None:
        raise AlreadyDrawn(wave=wave.code, seed=earlier.seed)
    coverage.require_signed(session, wave)
    if wave.kind == Kind.REAL and response_rate is not None:
        raise PlanDecides(wave=wave.code)
    invited, rate = _invitations(session, wave, response_rate)
    waves.decide(wave, document)
    frame = _frame_to_draw(session, wave)
    strata = _strata(frame, invited)
    drawn = _take(strata, frame, seed)
    trees, cells = _classify(frame, strata, drawn)
    record = Draw(
        wave_id=wave.id,
        seed=seed,
        drawn_at=now,
        allocation=_allocation(strata, trees, invited, rate),
        digest=digest_of(drawn),
    )
    session.add(record)
    _store(session, wave, drawn, cells)
    detail = {
        "seed": seed, "document": document, "digest": record.digest, "drawn": len(drawn),
        "kept": sum(one.kept for one in drawn),
    }  # fmt: skip
    audit.record(session, actor=actor, action="sample.draw", subject=wave.code, detail=detail, now=now)
    return record


def is_drawn(session: Session, wave: Wave) -> bool:
    return session.get(Draw, wave.id) is not None


def _frame_to_draw(session: Session, wave: Wave) -> dict[str, list[Listed]]:
    """The frame, once it is sure that the only draw takes somebody from every unit in it."""
    frame = _read_frame(session, wave)
    if not frame:
        raise FrameEmpty(wave=wave.code)
    waves.require_targets(wave.code, {unit.code: target for unit, target in waves.units_of(session, wave)})
    return frame


def repeat(session: Session, wave: Wave) -> list[Drawn]:
    """The wave's draw once more from its seed and frame, classes included: the close keeps no list of who was drawn.

    It is the same draw when `digest_of` is the one that the draw left.
    """
    record = session.get_one(Draw, wave.id)
    frame = _read_frame(session, wave)
    told = record.allocation
    strata = _strata(frame, told.get("invitations") or _invitations(session, wave, told["response_rate"])[0])
    drawn = _take(strata, frame, record.seed)
    _classify(frame, strata, drawn)
    return drawn


def forget(session: Session, wave: Wave) -> None:
    """Keep counts and seed alone: who was drawn goes, and so does how to reach and name anybody of the frame.

    A contact leaves an empty value behind, so that the seed finds the same people reachable and gives the same classes.
    """
    session.execute(delete(SampledDossier).where(SampledDossier.wave_id == wave.id))
    reached = (Dossier.phone, Dossier.email, Dossier.address)
    emptied = {one: case((one.is_not(None), b""), else_=None) for one in reached}
    session.execute(update(Dossier).where(Dossier.wave_id == wave.id).values({**emptied, Dossier.name: None}))


def _take(strata: list[Stratum], frame: dict[str, list[Listed]], seed: int) -> list[Drawn]:
    """Both phases: dossiers of each stratum, one of each person."""
    drawn = [one for stratum in strata for one in _draw_stratum(stratum, frame[stratum.unit], seed)]
    keep_one_each(drawn, seed)
    return drawn


def _invitations(session: Session, wave: Wave, response_rate: float | None) -> tuple[dict[str, int], float]:
    """How many of each unit are invited, and the share of them that is expected to answer."""
    targets = {unit.code: target for unit, target in waves.units_of(session, wave)}
    if response_rate is None and wave.kind != Kind.REAL and not plans.versions(session, wave):
        response_rate = USUAL_RATE
    if response_rate is not None:
        return {unit: math.ceil(target / response_rate) for unit, target in targets.items()}, response_rate
    invited = plans.to_draw(session, wave)
    return invited, sum(targets[unit] for unit in invited) / sum(invited.values())


def _strata(frame: dict[str, list[Listed]], invited: Mapping[str, int]) -> list[Stratum]:
    return [one for unit in sorted(frame) for one in stratify(unit, frame[unit], invited[unit])]


def _read_frame(session: Session, wave: Wave) -> dict[str, list[Listed]]:
    """The frame by unit, in the order of the dossiers' keyed hashes: the same on every engine."""
    columns = (
        Dossier.id, Dossier.code_mark, Dossier.person_mark, reachable(wave),
        Dossier.unit_code, Dossier.field, Dossier.timing, Dossier.channel, Dossier.sex, Dossier.age_band,
    )  # fmt: skip
    frame: dict[str, list[Listed]] = defaultdict(list)
    for row in session.execute(select(*columns).where(Dossier.wave_id == wave.id)):
        listed = Listed(*tuple(row))
        frame[listed.unit].append(listed)
    for dossiers in frame.values():
        dossiers.sort(key=lambda one: one.mark)
    return dict(frame)


def reachable(wave: Wave) -> ColumnElement[bool]:
    """Whether an invitation finds a dossier's person: by message, and by post or a visit where the wave plans it."""
    by_message = Dossier.phone.is_not(None) | Dossier.email.is_not(None)
    is_visited = not {Mode.PAPER, Mode.INTERVIEWER}.isdisjoint(wave.settings["modes"])
    return by_message | Dossier.address.is_not(None) if is_visited else by_message


def stratify(unit: str, dossiers: list[Listed], invited: int) -> list[Stratum]:
    """Group a unit's fields so that each stratum gives at least ten, and share the invitations in proportion."""
    total = len(dossiers)
    wanted = min(total, invited)
    if wanted == 0:
        return []
    counts = Counter(one.field for one in dossiers)
    groups = _field_groups(counts, PRIVACY_FLOOR * total / wanted)
    sizes = _shares([sum(counts[name] for name in group) for group in groups], wanted)
    return [
        Stratum(f"{unit}|{number}", unit, group, sum(counts[name] for name in group), size)
        for number, (group, size) in enumerate(zip(groups, sizes, strict=True), start=1)
    ]


def _field_groups(counts: Counter[str], floor: float) -> list[frozenset[str]]:
    """Fields with at least `floor` dossiers alone, the small ones together, joined to the smallest if still small."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    large = [frozenset([name]) for name, count in ordered if count >= floor]
    small = frozenset(name for name, count in ordered if count < floor)
    if not small:
        return large
    if not large or sum(counts[name] for name in small) >= floor:
        return [*large, small]
    return [*large[:-1], large[-1] | small]


def _shares(populations: list[int], wanted: int) -> list[int]:
    """Proportional allocation by largest remainders, at least 2 (or all) in each stratum."""
    total = sum(populations)
    exact = [wanted * population / total for population in populations]
    sizes = [max(min(2, population), math.floor(share)) for population, share in zip(populations, exact, strict=True)]
    order = sorted(range(len(exact)), key=lambda index: (math.floor(exact[index]) - exact[index], index))
    for index in order:
        if sum(sizes) >= wanted:
            break
        sizes[index] = min(populations[index], sizes[index] + 1)
    return sizes


def _draw_stratum(stratum: Stratum, dossiers: list[Listed], seed: int) -> Iterator[Drawn]:
    members = [one for one in dossiers if one.field in stratum.fields]
    rng = random.Random(f"{seed}|{stratum.code}")
    for listed in rng.sample(members, stratum.size):
        yield Drawn(listed, stratum.code, stratum.size / stratum.population)


def keep_one_each(drawn: list[Drawn], seed: int) -> None:
    """Phase 2: of a person's k drawn dossiers one stays, its weight times k."""
    by_person: dict[bytes, list[Drawn]] = defaultdict(list)
    for one in drawn:
        if one.listed.person is not None:
            by_person[one.listed.person].append(one)
    rng = random.Random(f"{seed}|persons")
    for _person, dossiers in sorted(by_person.items(), key=lambda pair: min(one.listed.mark for one in pair[1])):
        dossiers.sort(key=lambda one: one.listed.mark)
        chosen = rng.randrange(len(dossiers))
        for index, one in enumerate(dossiers):
            one.multiplicity, one.kept = len(dossiers), index == chosen


def _classify(
    frame: dict[str, list[Listed]], strata: list[Stratum], drawn: list[Drawn]
) -> tuple[dict[str, Split], list[dict[str, Any]]]:
    """Make each unit's classes and count frame, drawn, kept and invited in them."""
    filed = Counter(one.person for dossiers in frame.values() for one in dossiers if one.person is not None)
    by_unit: dict[str, list[Drawn]] = defaultdict(list)
    for one in drawn:
        by_unit[one.listed.unit].append(one)
    trees: dict[str, Split] = {}
    cells: list[dict[str, Any]] = []
    for unit, dossiers in sorted(frame.items()):
        field_stratum = {name: stratum.code for stratum in strata if stratum.unit == unit for name in stratum.fields}
        traits = {one.id: _traits(one, field_stratum, filed) for one in dossiers}
        invited = [traits[one.listed.id] for one in by_unit[unit] if one.invitable]
        trees[unit] = classes.split(unit, invited)
        cells += _count(unit, trees[unit], traits, by_unit[unit], too_few=len(invited) < PRIVACY_FLOOR)
    return trees, cells


def _traits(one: Listed, field_stratum: dict[str, str], filed: Counter[bytes]) -> dict[str, str]:
    return {
        "timing": one.timing,
        "stratum": field_stratum.get(one.field, ""),
        "band": classes.band(filed[one.person]) if one.person is not None else "1",
        "channel": one.channel,
        "sex": one.sex,
        "age_band": one.age_band,
    }


def _count(
    unit: str, tree: Split, traits: dict[bytes, dict[str, str]], drawn: list[Drawn], *, too_few: bool
) -> list[dict[str, Any]]:
    cells: dict[str, dict[str, Any]] = {}
    strata: Counter[str] = Counter()
    for one in traits.values():
        stratum = tree.stratum_of(unit, one)
        strata[stratum] += 1
        empty = {"unit_code": unit, "stratum": stratum, "population": 0, "drawn": 0, "kept": 0, "reachable": 0}
        cells.setdefault(tree.class_of(one), {**empty, "weights": []})["population"] += 1
    for taken in drawn:
        taken.class_code = tree.class_of(traits[taken.listed.id])
        cell = cells[taken.class_code]
        cell["drawn"] += 1
        cell["kept"] += taken.kept
        cell["reachable"] += taken.invitable and not too_few
        if taken.kept:
            cell["weights"].append(taken.weight)
    return [
        {
            "class_code": code,
            **cell,
            "invited": cell["reachable"],
            "stratum_population": strata[cell["stratum"]],
            "weight_sum": math.fsum(cell["weights"]),
        }
        for code, cell in sorted(cells.items())
    ]


def _store(session: Session, wave: Wave, drawn: list[Drawn], cells: list[dict[str, Any]]) -> None:
    rows = [
        {
            "dossier_id": one.listed.id, "wave_id": wave.id, "stratum": one.stratum, "probability": one.probability,
            "multiplicity": one.multiplicity, "kept": one.kept, "class_code": one.class_code,
        }
        for one in drawn
    ]  # fmt: skip
    session.flush()
    for start in range(0, len(rows), CHUNK):
        session.execute(insert(SampledDossier), rows[start : start + CHUNK])
    for cell in cells:
        del cell["weights"]
        session.add(ClassCell(wave_id=wave.id, **cell))
    session.flush()


def _allocation(
    strata: list[Stratum], trees: dict[str, Split], invited: Mapping[str, int], response_rate: float
) -> dict[str, Any]:
    return {
        "response_rate": response_rate,
        "invitations": dict(invited),
        "strata": {
            one.code: {"fields": sorted(one.fields), "population": one.population, "size": one.size} for one in strata
        },
        "classes": {unit: tree.rules() for unit, tree in trees.items()},
    }


def digest_of(drawn: list[Drawn]) -> str:
    """What the draw gave, order aside: two equal digests are two equal samples."""
    lines = sorted(f"{one.listed.mark.hex()} {one.stratum} {one.multiplicity} {int(one.kept)}" for one in drawn)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()

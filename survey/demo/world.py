"""The simulated truth: every dossier of the province with what its person would answer, before anybody is asked.

Satisfaction follows one latent trait of the person and the dossier: the unit's own level (communes differ), lateness
(which hurts), the channel, agents who file often and are easier to please. Response depends only on what the frame
knows. So the weights can put the sample right, and the intervals can be held against the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from survey.demo.places import Place, places
from survey.instrument import Instrument

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CUTS = np.array([-2.3, -1.35, -0.45, 1.25])
FIELDS = {
    "department": (("cap-phep", 0.45), ("dang-ky", 0.25), ("xac-nhan", 0.2), ("khac", 0.1)),
    "commune": (("ho-tich", 0.34), ("chung-thuc", 0.3), ("dat-dai", 0.2), ("bao-tro-xa-hoi", 0.1), ("khac", 0.06)),
}
AGES = ((18, 24, 0.1), (25, 34, 0.27), (35, 49, 0.35), (50, 59, 0.17), (60, 80, 0.11))


@dataclass(frozen=True)
class Dossiers:
    """The frame and, beside it, what nobody knows: the answers of every dossier (0 = not applicable), n x items."""

    unit: Ints
    field: NDArray[np.str_]
    person: Ints
    late: NDArray[np.bool_]
    online: NDArray[np.bool_]
    female: NDArray[np.bool_]
    age: Ints
    reachable: NDArray[np.bool_]
    finished: Ints
    answers: Ints
    response: Floats

    def __len__(self) -> int:
        return len(self.unit)


@dataclass(frozen=True)
class World:
    """A province: its rated units, its dossiers and the true index of each unit."""

    units: list[Place]
    items: tuple[str, ...]
    dossiers: Dossiers

    def true_index(self) -> Floats:
        """The mean over items of the share satisfied (4 and 5) among the dossiers that the item applies to, percent."""
        satisfied, valid = self.dossiers.answers >= 4, self.dossiers.answers > 0
        unit, size = self.dossiers.unit, len(self.units)
        shares = [
            np.bincount(unit, satisfied[:, item], size) / np.bincount(unit, valid[:, item], size)
            for item in range(len(self.items))
        ]
        index: Floats = 100 * np.mean(shares, axis=0)
        return index

    def late_share(self) -> Floats:
        unit, size = self.dossiers.unit, len(self.units)
        share: Floats = np.bincount(unit, self.dossiers.late, size) / np.bincount(unit, minlength=size)
        return share


def make_world(instrument: Instrument, *, seed: int, scale: float, period: tuple[date, date]) -> World:
    """Build the province; `scale` multiplies the numbers of dossiers."""
    rng = np.random.default_rng(seed)
    units = [place for place in places() if place.rated == "yes"]
    sizes = np.where([u.type == "department" for u in units], rng.integers(700, 1600, len(units)),
                     rng.lognormal(5.7, 0.45, len(units)).astype(int).clip(160, 900))  # fmt: skip
    unit = np.repeat(np.arange(len(units)), (sizes * scale).astype(int).clip(40))
    person, agent = _people(rng, unit)
    people = int(person.max()) + 1
    female, age = (rng.random(people) < 0.52)[person], _ages(rng, people)[person]
    online = rng.random(len(unit)) < np.where(age > 50, 0.25, 0.5)
    late_rate = rng.beta(4, 22, len(units))
    late = rng.random(len(unit)) < np.clip(late_rate[unit] * np.where(agent, 1.8, 1.0), 0, 0.8)
    level = rng.normal(0.9, 0.45, len(units))
    latent = (
        level[unit] - 0.9 * late + 0.15 * online + 0.5 * agent + 0.006 * (age - 40)
        + rng.normal(0, 0.7, people)[person] + rng.normal(0, 0.35, len(unit))
    )  # fmt: skip
    items = tuple(item.code for item in instrument.scored_items)
    chance = 0.25 - 0.5 * late + 0.35 * online + 0.4 * (age > 34) - 0.3 * (age > 59) + 0.15 * female
    days = (period[1] - period[0]).days + 1
    dossiers = Dossiers(
        unit=unit,
        field=_fields(rng, units, unit),
        person=person,
        late=late,
        online=online,
        female=female,
        age=age,
        reachable=(rng.random(people) > 0.03)[person],
        finished=rng.integers(0, days, len(unit)),
        answers=_answers(rng, instrument, latent),
        response=1 / (1 + np.exp(-chance)),
    )
    return World(units, items, dossiers)


def _people(rng: np.random.Generator, unit: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Who filed each dossier: mostly a person of its own, some who filed 2-4, a few agents who filed dozens."""
    n = len(unit)
    person = np.arange(n)
    kind = rng.random(n)
    twice = np.flatnonzero((kind >= 0.78) & (kind < 0.93))
    person[twice] = twice[rng.integers(0, max(1, len(twice) // 2), len(twice))]
    often = np.flatnonzero(kind >= 0.93)
    agents = max(1, len(often) // 25)
    person[often] = often[rng.integers(0, agents, len(often))]
    _same, numbered = np.unique(person, return_inverse=True)
    return numbered, kind >= 0.93


def _ages(rng: np.random.Generator, people: int) -> Ints:
    band = rng.choice(len(AGES), people, p=[share for _low, _high, share in AGES])
    low, high = (np.array([band_[side] for band_ in AGES])[band] for side in (0, 1))
    return rng.integers(low, high + 1)


def _fields(rng: np.random.Generator, units: list[Place], unit: Ints) -> NDArray[np.str_]:
    """The field of each dossier by the kind of its unit."""
    is_department = np.array([place.type == "department" for place in units])[unit]
    drawn = {}
    for kind, fields in FIELDS.items():
        names, shares = zip(*fields, strict=True)
        drawn[kind] = rng.choice(np.array(names), len(unit), p=shares)
    return np.where(is_department, drawn["department"], drawn["commune"])


def _answers(rng: np.random.Generator, instrument: Instrument, latent: Floats) -> Ints:
    """What each dossier's person would say to every scored item: 1..5, or 0 where it does not apply."""
    answers = np.zeros((len(latent), len(instrument.scored_items)), dtype=np.int64)
    for column, item in enumerate(instrument.scored_items):
        ease = rng.normal(0, 0.25)
        said = 1 + np.searchsorted(CUTS, latent + ease + rng.normal(0, 0.6, len(latent)))
        apart = {"V": 0.55}.get(item.factor, 0.15 if column % 6 == 5 else 0.02) if item.na else 0.0
        answers[:, column] = np.where(rng.random(len(latent)) < apart, 0, said)
    return answers


def frame_csv(world: World, period_from: date) -> str:
    """The dossier list as the one-stop system would export it."""
    lines = [
        "dossier_code,procedure_field,rated_unit,point_of_service,received_on,due_on,finished_on,outcome,channel,"
        "applicant,sex,birth_year,commune,phone"
    ]
    d = world.dossiers
    for row in range(len(d)):
        finished = period_from + timedelta(days=int(d.finished[row]))
        due = finished + timedelta(days=-3 if d.late[row] else 2)
        unit = world.units[d.unit[row]].code
        phone = f"09{d.person[row]:08d}" if d.reachable[row] else ""
        lines.append(
            f"H{unit}.{row:07d},{d.field[row]},{unit},{unit},{due - timedelta(days=10)},{due},{finished},granted,"
            f"{'online' if d.online[row] else 'counter'},person,{'F' if d.female[row] else 'M'},"
            f"{finished.year - int(d.age[row])},,{phone}"
        )
    return "\n".join(lines) + "\n"

"""The simulated people: satisfaction as correlated one-factor Likert answers in finite populations of dossiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from analysis.design import FloatArray, IntArray

Codes = NDArray[np.int8]
ITEMS = 19
FACTORS = (("I", 4), ("II", 4), ("III", 5), ("IV", 3), ("V", 3))  # of the short service instrument
LOADING = 0.7  # latent correlation of two items of one person: 0.49
ITEM_SHIFT = 0.3  # items differ evenly by up to this on the latent scale
CUTS = (-1.5, -0.8, 0.0, 0.9)  # between the codes 1 to 5; satisfied (4, 5) is above 0
RARE = (7, 18)  # items (feedback and the like) that do not apply to everybody
NOT_APPLICABLE = 0.08


@dataclass(frozen=True)
class PersonClass:
    """A class of dossiers that the frame knows: its share of the stratum, its shift of satisfaction, its response."""

    share: float
    shift: float
    response: float


@dataclass(frozen=True)
class Stratum:
    """A stratum of every unit: dossiers, how many are drawn, and the classes in it."""

    population: int
    drawn: int
    classes: tuple[PersonClass, ...]


@dataclass(frozen=True, eq=False)
class Population:
    """The dossiers of U units of N dossiers each: stratum and class int64[U, N], codes int8[U, N, k] (0: the item does
    not apply), and the opinion behind them float64[U, N]."""

    strata: tuple[Stratum, ...]
    stratum: IntArray
    class_: IntArray
    codes: Codes
    opinion: FloatArray

    @property
    def units(self) -> int:
        return int(self.codes.shape[0])


def make_population(
    strata: Sequence[Stratum], share: float, effects: FloatArray, rng: np.random.Generator
) -> Population:
    """Units with the latent `effects` float64[U]; over units with a like spread, items and classes the expected share
    of satisfied answers is `share`."""
    sizes = [one.population for one in strata]
    shape = (len(effects), sum(sizes))
    stratum = np.broadcast_to(np.repeat(np.arange(len(sizes)), sizes), shape)
    class_ = _classes(strata, stratum, rng)
    shifts = np.zeros(shape)
    for h, one in enumerate(strata):
        moved = np.array([group.shift for group in one.classes])
        shifts = np.where(stratum == h, moved[np.minimum(class_, len(moved) - 1)], shifts)
    opinion = rng.standard_normal(shape)
    level = centre(strata, share, float(effects.std()))
    latent = (level + effects)[:, None] + shifts + LOADING * opinion
    return Population(tuple(strata), stratum, class_, likert(latent, rng), opinion)


def likert(latent: FloatArray, rng: np.random.Generator) -> Codes:
    """Codes 1 to 5 of the items, int8[..., k], from each person's latent level (item noise is added); 0 where an item
    does not apply."""
    shape = (*latent.shape, ITEMS)
    noise = rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(1 - LOADING**2))
    answer = latent[..., None].astype(np.float32) + item_shifts().astype(np.float32) + noise
    codes = np.ones(shape, dtype=np.int8)
    for cut in CUTS:
        codes += answer > cut
    for item in RARE:
        codes[..., item][rng.random(latent.shape) < NOT_APPLICABLE] = 0
    return codes


def item_shifts() -> FloatArray:
    """How much easier each item is, float64[k]; the order mixes easy and hard ones over the factors."""
    return np.linspace(-ITEM_SHIFT, ITEM_SHIFT, ITEMS)[(np.arange(ITEMS) * 7) % ITEMS]


def centre(strata: Sequence[Stratum], share: float, spread: float) -> float:
    """The latent centre at which the expected share over classes, items and units is `share`."""
    total = sum(one.population for one in strata)
    cells = [(one.population * group.share / total, group.shift) for one in strata for group in one.classes]
    weights, shifts = np.array(cells).T
    places = shifts[:, None] + item_shifts()

    def excess(level: float) -> float:
        means = special.ndtr((level + places) / np.sqrt(1 + spread**2)).mean(axis=1)
        return float(weights @ means) - share

    return float(optimize.brentq(excess, -8.0, 8.0))


def truths(codes: Codes) -> dict[tuple[str, str], FloatArray]:
    """The units' true figures in percent, float64[U] by (rule, figure): items `item 0`..., factors, the overall index
    as the mean of its items, of its factors (`components`) and over all answers (`pooled`)."""
    applies = np.maximum((codes > 0).sum(axis=1), 1)
    found: dict[tuple[str, str], FloatArray] = {}
    for rule, values in (("top2box", codes >= 4), ("mean5", codes / np.float32(5))):
        items = 100 * values.sum(axis=1) / applies
        parts = [items[:, places].mean(axis=1) for places in factor_places()]
        found.update({(rule, f"item {place}"): items[:, place] for place in range(items.shape[1])})
        found.update({(rule, f"factor {name}"): part for (name, _), part in zip(FACTORS, parts, strict=True)})
        found[rule, "overall"] = items.mean(axis=1)
        found[rule, "components"] = np.mean(parts, axis=0)
        found[rule, "pooled"] = 100 * values.sum(axis=(1, 2)) / applies.sum(axis=1)
    return found


def factor_places() -> list[list[int]]:
    """Places of the items of each factor."""
    starts = np.cumsum([0, *(size for _, size in FACTORS)])
    return [list(range(starts[f], starts[f + 1])) for f in range(len(FACTORS))]


def _classes(strata: Sequence[Stratum], stratum: IntArray, rng: np.random.Generator) -> IntArray:
    draw = rng.random(stratum.shape)
    class_ = np.zeros(stratum.shape, dtype=np.int64)
    for h, one in enumerate(strata):
        for edge in np.cumsum([group.share for group in one.classes])[:-1]:
            class_ += (stratum == h) & (draw > edge)
    return class_

"""Joint classes: the one code that an answer carries, each with enough invited people to hide in.

A class is made by splitting the invited of a unit by one frame attribute after the other, lateness first because it
moves both satisfaction and response. A part that would be too small stays with another; the rules are kept with the
draw, so that every dossier of the frame finds its class again (METHOD section 4, HOUSE rule 5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PRIVACY_FLOOR = 10  # nobody answers where fewer were invited
SPLIT_FLOOR = 20  # below this a class would hold too few answers to weight by
ATTRIBUTES = ("timing", "stratum", "band", "channel", "sex", "age_band")

Traits = Mapping[str, str]


@dataclass(frozen=True)
class Split:
    """A node: which attribute divides here, which values go to which part; a leaf has no parts."""

    code: str
    attribute: str | None = None
    parts: Mapping[str, Split] = field(default_factory=dict)
    rest: Split | None = None

    def class_of(self, traits: Traits) -> str:
        """The class of a dossier; a value that no invited person has goes with the rest."""
        if self.attribute is None:
            return self.code
        part = self.parts.get(traits[self.attribute], self.rest)
        if part is None:
            return self.code
        return part.class_of(traits)

    def stratum_of(self, unit: str, traits: Traits) -> str:
        """The variance stratum of an answer: the sampling stratum where classes nest in it, else the whole unit."""
        if self.attribute != "stratum":
            return unit
        part = self.parts.get(traits["stratum"], self.rest)
        return part.code if part is not None else unit

    def rules(self) -> dict[str, object]:
        """The node as data, kept with the draw."""
        if self.attribute is None:
            return {"class": self.code}
        values = {value: part.code for value, part in sorted(self.parts.items())}
        parts = {part.code: part.rules() for part in self.distinct_parts()}
        rest = self.rest.code if self.rest else None
        return {"by": self.attribute, "values": values, "rest": rest, "parts": parts}

    def distinct_parts(self) -> list[Split]:
        return list({part.code: part for part in self.parts.values()}.values())


Described = tuple[tuple[str, tuple[str, ...]], ...]


def described(rules: Mapping[str, Any]) -> dict[str, Described]:
    """What each class of a unit has in common: attribute and values, read from the rules kept with the draw."""
    if "class" in rules:
        return {rules["class"]: ()}
    found: dict[str, Described] = {}
    for part, inner in rules["parts"].items():
        values = tuple(sorted(value for value, code in rules["values"].items() if code == part))
        found |= {code: ((rules["by"], values), *traits) for code, traits in described(inner).items()}
    return found


def split(code: str, invited: Sequence[Traits], attributes: Sequence[str] = ATTRIBUTES) -> Split:
    """Divide the invited of one unit as far as every part keeps `SPLIT_FLOOR` of them."""
    for position, attribute in enumerate(attributes):
        groups = _groups(Counter(traits[attribute] for traits in invited))
        if len(groups) > 1:
            return _divide(code, invited, attribute, groups, attributes[position + 1 :])
    return Split(code)


def _divide(
    code: str, invited: Sequence[Traits], attribute: str, groups: list[frozenset[str]], left: Sequence[str]
) -> Split:
    parts: dict[str, Split] = {}
    for number, values in enumerate(groups, start=1):
        members = [traits for traits in invited if traits[attribute] in values]
        part = split(f"{code}.{number}" if "|" in code else f"{code}|{number}", members, left)
        parts.update(dict.fromkeys(sorted(values), part))
    return Split(code, attribute, parts, parts[min(groups[-1])])


def _groups(counts: Counter[str]) -> list[frozenset[str]]:
    """Values large enough stand alone, largest first; the small ones together, or with the smallest large one."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    large = [frozenset([value]) for value, count in ordered if count >= SPLIT_FLOOR]
    small = frozenset(value for value, count in ordered if count < SPLIT_FLOOR)
    if not small:
        return large
    if sum(counts[value] for value in small) >= SPLIT_FLOOR or not large:
        return [*large, small]
    return [*large[:-1], large[-1] | small]


def levels(rules: Mapping[str, Any], attribute: str, level: str | None = None) -> Iterator[tuple[str, str]]:
    """Each class of a unit (`Split.rules`) in which the invited share one part of an attribute's values, with the
    values of that part; a class that mixes them has no level."""
    if "class" in rules:
        if level is not None:
            yield str(rules["class"]), level
        return
    for code, part in rules["parts"].items():
        values = sorted(value for value, target in rules["values"].items() if target == code)
        yield from levels(part, attribute, "+".join(values) if rules["by"] == attribute else level)


def band(dossiers_of_person: int) -> str:
    """How often a person files: 1, 2-4, 5+ dossiers of the frame."""
    return "1" if dossiers_of_person <= 1 else "2-4" if dossiers_of_person <= 4 else "5+"


def smallest(cells: Iterable[int]) -> int | None:
    """The smallest number of possible persons behind an answer."""
    return min(cells, default=None)

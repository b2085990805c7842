"""Response rates by the definitions of AAPOR, from counts of what became of the invitations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Dispositions:
    """Final dispositions of the invited in AAPOR's letters: I, P, R, NC, O, UH+UO, and those not eligible.

    A form that was begun and never sent is a break-off, hence a refusal: what is kept of it counts nowhere. Who wrote
    "I did not file this" shows that the list names somebody else: not eligible. Of whoever is left nobody knows
    whether an invitation arrived, as in every mail or web survey.
    Reference: AAPOR Standard Definitions, 10th edition (2023), response rates 1 to 4.
    """

    complete: int
    partial: int
    refused: int
    no_contact: int
    other: int
    unknown: int
    not_eligible: int

    @property
    def counts(self) -> dict[str, int]:
        """By AAPOR's letters."""
        return dict(zip(("I", "P", "R", "NC", "O", "U", "NE"), astuple(self), strict=True))

    @property
    def known(self) -> int:
        """I + P + R + NC + O: certainly eligible."""
        return self.complete + self.partial + self.refused + self.no_contact + self.other

    @property
    def share_eligible(self) -> float:
        """e: the share of eligible people among those of whom it is known (proportional allocation, CASRO)."""
        return self.known / (self.known + self.not_eligible) if self.known + self.not_eligible else 1.0

    def rate(self, number: int) -> float | None:
        """RR1 to RR4, 0..1: partial forms count in 2 and 4, unknown cases by `share_eligible` in 3 and 4."""
        came = self.complete + (self.partial if number in (2, 4) else 0)
        asked = self.known + self.unknown * (self.share_eligible if number in (3, 4) else 1.0)
        return came / asked if asked else None


def together(found: Iterable[Dispositions]) -> Dispositions:
    """Those of several units, added up."""
    columns = zip(*(astuple(one) for one in (NOBODY, *found)), strict=True)
    return Dispositions(*(sum(column) for column in columns))


def settle(
    *,
    invited: int,
    answered: int,
    wrong_person: int,
    partial: int = 0,
    refused: int = 0,
    unable: int = 0,
    not_met: int = 0,
    delivered: int = 0,
    opened: int = 0,
) -> Dispositions:
    """Counts of events as dispositions that add up to the invited.

    One event may follow the other, so that each count is cut to what those before it left: who refused to an
    interviewer and answered by link is counted once, as having answered.
    """
    left = max(0, invited - answered - wrong_person)
    partial = min(partial, answered)
    broken_off = max(0, opened - answered)
    refusals = min(refused + broken_off, left)
    other = min(unable, left - refusals)
    arrived = max(0, delivered - answered - wrong_person - refusals - other)
    no_contact = min(max(not_met, arrived), left - refusals - other)
    unknown = left - refusals - other - no_contact
    return Dispositions(answered - partial, partial, refusals, no_contact, other, unknown, wrong_person)


NOBODY = Dispositions(0, 0, 0, 0, 0, 0, 0)

"""What every report says of its wave and run, and how it writes figures, intervals and ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from survey import i18n
from survey.instrument import Instrument
from survey.model.result import Run
from survey.model.seal import Seal
from survey.model.wave import Wave
from survey.paper.document import Bar, Fact
from survey.scheme import Scheme
from survey.stages import results as stored
from survey.stages import seals
from survey.stages import waves as wave_list
from survey.web import wording
from survey.web.figures import Own, Row, Standing
from survey.web.filters import number, words
from survey.web.site import gettext as _

WEAKEST = 5
HUNDRED = 100
SURE = Decimal("0.995")


@dataclass(frozen=True)
class Told:
    """The wave, the run that counts, its seal where there is one, and who reads."""

    wave: Wave
    run: Run
    instrument: Instrument
    schemes: tuple[Scheme, ...]
    seal: Seal | None
    own: Own | None

    @property
    def is_citizens(self) -> bool:
        return self.wave.audience == "citizens"

    @property
    def mark(self) -> str:
        """What no reader may overlook."""
        if self.wave.kind == "rehearsal":
            return _("Rehearsal: these figures never count")
        return "" if self.seal else _("Provisional: not yet released")

    @property
    def sure(self) -> Mapping[tuple[str, str, str], Decimal]:
        return stored.sureness(self.run.options)


def told_of(session: Session, wave: Wave, own: Own | None) -> Told:
    """What the report of a wave says; NotScored when there is no run."""
    run, schemes = stored.latest(session, wave), wave_list.schemes_of(session, wave)
    return Told(wave, run, wave_list.instrument_of(wave), schemes, seals.newest(session, wave), own)


def weakest(levels: Mapping[str, Sequence[Standing]]) -> list[Standing]:
    """The questions with the lowest values, where there are more than are named."""
    known = [one for one in levels.get("item", ()) if one.value is not None]
    return sorted(known, key=lambda one: (Decimal(one.value or 0), one.code))[:WEAKEST] if len(known) > WEAKEST else []


def interval(row: Row) -> str:
    """The interval in words; a census has none."""
    if row["ci_low"] is not None:
        return f"{number(row['ci_low'], 2)} – {number(row['ci_high'], 2)}"
    return _("complete (census)") if row["status"] == "complete" else i18n.ABSENT


def interval_line(row: Row) -> str:
    """The interval with its name."""
    return _("95 %% interval: %(interval)s", interval=interval(row))


def bar(row: Row, value: str | None, end: Decimal | int) -> Bar | None:
    """The interval as a bar on the scale 0 to `end`, where there is one."""
    if value is None or row["ci_low"] is None:
        return None
    low, high = row["ci_low"], row["ci_high"]
    said = _(
        "%(value)s, 95 %% interval %(low)s to %(high)s",
        value=number(value, 2),
        low=number(low, 2),
        high=number(high, 2),
    )
    return Bar(float(value), float(low), float(high), float(end), said)


def rank(row: Row) -> str:
    """The rank, and the ranks that the data cannot rule out."""
    if row["rank"] is None:
        return i18n.ABSENT
    if row["rank_low"] is None:
        return _("rank %(rank)s", rank=number(row["rank"]))
    low, high = number(row["rank_low"]), number(row["rank_high"])
    return _("rank %(rank)s (%(low)s–%(high)s)", rank=number(row["rank"]), low=low, high=high)


def grade(told: Told, row: Row, scheme: Scheme) -> str:
    """The grade by its name, and how sure it is where the interval shows."""
    name = next((words(one.name) for one in scheme.grades if one.code == row["grade"]), None)
    if name is None:
        return i18n.ABSENT
    sure = told.sure.get((row["scheme"], row["unit"], row["level_of"])) if row["ci_low"] is not None else None
    if sure is None:
        return name
    said = _("over 99 %% sure") if sure > SURE else _("%(percent)s %% sure", percent=f"{sure * HUNDRED:.0f}")
    return f"{name} ({said})"


def status(row: Row, *, is_points: bool = False) -> str:
    """What is said beside a name whose figure is not published and ranked as others are."""
    silent = row["status"] == "ok" or (row["status"] == "not_ranked" and is_points)
    return "" if silent else f"({wording.status(row)})"


def percent(share: Decimal | float | str | None, decimals: int = 1) -> str:
    """A share 0..1 as a percentage."""
    return i18n.ABSENT if share is None else f"{number(Decimal(str(share)) * HUNDRED, decimals)} %"


def response_facts(row: Row) -> list[Fact]:
    """How many were invited and answered."""
    return [
        Fact(_("Invited"), number(row["n_invited"])),
        Fact(_("Valid"), number(row["n_valid"])),
        Fact(_("Response rate"), percent(row["response_rate"])),
    ]

"""Top-ups: a systematic intercept at the counter where too few can be reached otherwise (METHOD section 4).

The site says who is asked: from a random start every k-th visitor, counted by an enumerator of no rated unit.
Nobody else can answer there: each answer needs a visitor who was chosen and is not settled yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from survey.errors.common import LinkClosed, UnitNotInWave, WrongAudience, WrongState
from survey.errors.field import CountTooSmall, NobodyChosen, NoInterviewer, NotIndependent, TopUpUnknown
from survey.model.base import new_id
from survey.model.staff import Account, AccountRole
from survey.model.topup import TopUp
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import audit, waves
from survey.stages.staff import Role
from survey.wavefile import Mode


class Settled(StrEnum):
    """What became of a chosen visitor who gave no answer."""

    REFUSED = "refused"
    NOT_ELIGIBLE = "not_eligible"  # finished no file here in the period


@dataclass(frozen=True)
class Place:
    """A top-up with its wave and unit."""

    row: TopUp
    wave: Wave
    unit: Unit

    @property
    def code(self) -> str:
        return self.row.id.hex()

    @property
    def open_choices(self) -> int:
        """Chosen visitors of whom nothing is told yet."""
        return self.row.chosen - self.row.refused - self.row.not_eligible - self.row.completed

    @property
    def next_number(self) -> int:
        """The visitor who is chosen next."""
        row = self.row
        if row.visitors < row.start:
            return row.start
        return row.visitors + row.every - (row.visitors - row.start) % row.every


@dataclass(frozen=True)
class Yield:
    """What the top-ups of a unit stand for: the eligible visitors in all, as counted and as asked."""

    visitors: int
    chosen: int
    not_eligible: int

    @property
    def eligible(self) -> float:
        return self.visitors * (self.chosen - self.not_eligible) / self.chosen if self.chosen else 0.0


def create(
    session: Session, wave: Wave, *, unit: str, point_of_service: str | None, every: int, email: str, seed: int,
    actor: str, now: datetime,
) -> TopUp:  # fmt: skip
    """A top-up with a random start by the seed, for one enumerator, who must belong to no unit that is rated."""
    if wave.audience != "citizens":
        raise WrongAudience(wave=wave.code, audience=wave.audience, needed="citizens")
    waves.require_mode(wave, Mode.INTERCEPT)
    if wave.state in waves.OVER:
        raise WrongState(wave=wave.code, state=wave.state, needed=waves.OPEN)
    if unit not in {one.code for one, _target in waves.units_of(session, wave)}:
        raise UnitNotInWave(wave=wave.code, unit=unit)
    account = _enumerator(session, email)
    start = Random(f"{seed}|{wave.code}|{unit}|intercept").randint(1, every)
    counts = dict.fromkeys(("visitors", "chosen", "refused", "not_eligible", "completed"), 0)
    row = TopUp(
        id=new_id(), wave_id=wave.id, unit_code=unit, point_of_service=point_of_service, account_id=account.id,
        every=every, start=start, stated=False, **counts,
    )  # fmt: skip
    session.add(row)
    detail = {"unit": unit, "every": every, "start": start, "seed": seed, "enumerator": account.email}
    audit.record(session, actor=actor, action="topup.create", subject=wave.code, detail=detail, now=now)
    return row


def _enumerator(session: Session, email: str) -> Account:
    found = session.scalars(
        select(Account)
        .join(AccountRole, AccountRole.account_id == Account.id)
        .where(Account.email == email.strip().lower(), AccountRole.role == Role.INTERVIEWER, Account.active)
    ).first()
    if found is None:
        raise NoInterviewer(email=email)
    if found.unit_code is not None:
        raise NotIndependent(email=email, unit=found.unit_code)
    return found


def mine(session: Session, email: str) -> list[Place]:
    """The top-ups of an enumerator in open waves."""
    return [Place(*row) for row in session.execute(_of(email).order_by(TopUp.unit_code, TopUp.id)).all()]


def find(session: Session, code: str, *, email: str) -> Place:
    """One of the enumerator's own top-ups, held until the end of the transaction."""
    row = session.execute(_of(email).where(TopUp.id == _identity(code)).with_for_update(of=TopUp)).first()
    if row is None:
        raise TopUpUnknown()
    return Place(*row)


def _identity(code: str) -> bytes:
    try:
        return bytes.fromhex(code)
    except ValueError as error:
        raise TopUpUnknown() from error


def _of(email: str) -> Select[TopUp, Wave, Unit]:
    return (
        select(TopUp, Wave, Unit)
        .join(Wave, Wave.id == TopUp.wave_id)
        .join(Unit, Unit.code == TopUp.unit_code)
        .join(Account, Account.id == TopUp.account_id)
        .where(Account.email == email, Wave.state.in_(waves.RUNNING))
    )


def count_visitor(session: Session, place: Place, *, number: int, now: datetime) -> bool:
    """One more visitor, the one of this number; whether to ask. The same number told twice is counted once."""
    if not waves.is_answerable(place.wave, now):
        raise LinkClosed()
    row = place.row
    if number == row.visitors + 1:
        is_chosen = number == place.next_number
        row.visitors, row.chosen = number, row.chosen + is_chosen
        session.flush()
    return number == row.visitors >= row.start and (row.visitors - row.start) % row.every == 0


def settle(session: Session, place: Place, how: Settled) -> None:
    """A chosen visitor who gave no answer; NobodyChosen when all are settled."""
    column = TopUp.refused if how is Settled.REFUSED else TopUp.not_eligible
    _one_more(session, place.row.id, {column: column + 1})
    session.refresh(place.row)


def complete(session: Session, identity: bytes) -> None:
    """Take the place of a chosen visitor for an answer that is being accepted; NobodyChosen when there is none."""
    _one_more(session, identity, {TopUp.completed: TopUp.completed + 1})


def _one_more(session: Session, identity: bytes, values: Mapping[Any, Any]) -> None:
    left = TopUp.refused + TopUp.not_eligible + TopUp.completed < TopUp.chosen
    done = session.connection().execute(update(TopUp).where(TopUp.id == identity, left).values(values))
    if done.rowcount != 1:
        raise NobodyChosen()


def of_wave(session: Session, wave: Wave) -> list[tuple[TopUp, str]]:
    """The top-ups of a wave with their enumerators, by unit."""
    found = select(TopUp, Account.email).join(Account, Account.id == TopUp.account_id).where(TopUp.wave_id == wave.id)
    return [(row, email) for row, email in session.execute(found.order_by(TopUp.unit_code, TopUp.id))]


def yields(session: Session, wave: Wave) -> dict[str, Yield]:
    """What the top-ups of each unit stand for; a unit with answers that stand for nobody known is not among them."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    rows = [row for row, _email in of_wave(session, wave)]
    for row in rows:
        for place, count in enumerate((row.visitors, row.chosen, row.not_eligible)):
            sums[row.unit_code][place] += count
    uncounted = {row.unit_code for row in rows if not is_counted(row)}
    return {unit: Yield(*counts) for unit, counts in sums.items() if unit not in uncounted}


def is_counted(row: TopUp) -> bool:
    """Whether its answers are a sample of known size: more eligible visitors were counted than answered, or somebody
    stated how many came. Where everybody counted has answered, as a rule only those were counted who answered."""
    return not row.completed or row.stated or Yield(row.visitors, row.chosen, row.not_eligible).eligible > row.completed


def state_count(session: Session, wave: Wave, code: str, visitors: int, *, actor: str, now: datetime) -> None:
    """Enter how many visitors came, by the enumerator's tally; no fewer than were counted, and before the close."""
    if wave.state in waves.OVER:
        raise WrongState(wave=wave.code, state=wave.state, needed=waves.OPEN)
    row = session.scalars(
        select(TopUp).where(TopUp.wave_id == wave.id, TopUp.id == _identity(code)).with_for_update()
    ).one_or_none()
    if row is None:
        raise TopUpUnknown()
    if visitors < row.visitors:
        raise CountTooSmall(counted=row.visitors)
    detail = {"unit": row.unit_code, "counted": row.visitors, "stated": visitors}
    row.visitors, row.stated = visitors, True
    audit.record(session, actor=actor, action="topup.count", subject=wave.code, detail=detail, now=now)
    session.flush()

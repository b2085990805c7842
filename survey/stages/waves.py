"""Waves: created from a file with frozen questionnaire and schemes, opened, closed for answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import URL, Row, select
from sqlalchemy.orm import Session

from survey.config import PROVINCE_TIME
from survey.db import in_one_text
from survey.errors.common import (
    ModeNotPlanned,
    NobodyInvited,
    NotAskable,
    SampleInstrument,
    SampleScheme,
    UnitNotInWave,
    UnitNotRated,
    UnitUnknown,
    WaveExists,
    WaveUnknown,
    WrongState,
)
from survey.errors.waves import (
    DocumentEmpty,
    DocumentMissing,
    NothingRated,
    TargetMissing,
    TooEarly,
    TooLate,
    UnitNotProvince,
)
from survey.instrument import IN_WORDS, Audience, Instrument, Status, load_instrument
from survey.keys import Keys
from survey.model.base import new_id
from survey.model.invitation import Invitation
from survey.model.quota import QuotaCell
from survey.model.unit import Unit
from survey.model.wave import Wave, WaveScheme, WaveUnit
from survey.scheme import Scheme, load_scheme
from survey.stages import approvals, audit
from survey.stages import schemes as kept_schemes
from survey.stages.units import PROVINCE, to_read
from survey.wavefile import ALL_UNITS, Kind, WavePlan

DRAFT, PLANNED, OPEN, PAUSED, CLOSED, SEALED, PURGED = (
    "draft", "planned", "open", "paused", "closed", "sealed", "purged",
)  # fmt: skip
NEXT: Mapping[str, tuple[str, ...]] = {  # the only ways from state to state
    DRAFT: (PLANNED, OPEN, PURGED),  # without a plan only a rehearsal opens
    PLANNED: (DRAFT, OPEN, PURGED),
    OPEN: (PAUSED, CLOSED),
    PAUSED: (OPEN, PAUSED, CLOSED),  # paused again: for longer
    CLOSED: (SEALED, PURGED),
    SEALED: (PURGED,),
    PURGED: (),
}
COMING, RUNNING, OVER = (DRAFT, PLANNED), (OPEN, PAUSED), (CLOSED, SEALED, PURGED)

_MAY_CHANGE = (Wave.state, Wave.phase, Wave.opens, Wave.closes, Wave.paused_until, Wave.settings)
STANDING = in_one_text(_MAY_CHANGE).label("standing")
_RUNNING_WAVES = select(Wave.__table__, STANDING)


@dataclass(frozen=True)
class KnownWave:
    """A wave as this process last read it, for reading alone; `standing` is all of it that may change while open."""

    wave: Wave
    standing: str


_known: dict[URL, dict[bytes, KnownWave]] = {}  # by the database's address: its reader and its writer share them


def create(
    session: Session, plan: WavePlan, *, keys: Keys, actor: str, now: datetime, link: bytes | None = None
) -> Wave:
    """A new wave in draft: its questionnaire, schemes and units are those of this moment from now on."""
    if session.scalars(select(Wave).where(Wave.code == plan.code)).first() is not None:
        raise WaveExists(wave=plan.code)
    _require_province(session, plan)
    instrument = plan.read_instrument()
    _require_askable(instrument)
    schemes = plan.read_schemes(kept_schemes.approved(session))
    _require_own(plan, instrument, schemes)
    targets = _targets(session, plan, schemes)
    wave = _new_wave(plan, instrument, now)
    session.add(wave)
    session.flush()
    wave.public_key = keys.new_wave(wave.id, link=link).public
    for position, scheme in enumerate(schemes):
        session.add(WaveScheme(wave_id=wave.id, position=position, code=scheme.code, source=scheme.source))
    session.add_all(WaveUnit(wave_id=wave.id, unit_code=unit, target=target) for unit, target in targets.items())
    detail = {"instrument": instrument.digest, "schemes": [scheme.digest for scheme in schemes]}
    audit.record(session, actor=actor, action="wave.create", subject=plan.code, detail=detail, now=now)
    session.flush()
    return wave


def _require_province(session: Session, plan: WavePlan) -> None:
    found = session.get(Unit, plan.province)
    if found is None:
        raise UnitUnknown(unit=plan.province)
    if found.type != PROVINCE:
        raise UnitNotProvince(unit=plan.province)


def _require_askable(instrument: Instrument) -> None:
    """Officials write nothing: a hand, a day or a turn of phrase could tell them to those whom they judge."""
    if instrument.audience is not Audience.OFFICIALS:
        return
    others = [
        item.code for item in instrument.items
        if item.type in IN_WORDS or item.fact or any(choice.other for choice in item.choices)
    ]  # fmt: skip
    if others:
        raise NotAskable(code=instrument.code, items=", ".join(others))


def _require_own(plan: WavePlan, instrument: Instrument, schemes: tuple[Scheme, ...]) -> None:
    """A real wave asks and scores as the province decided: what is marked as a sample (mẫu thử) is for rehearsals."""
    if plan.kind is not Kind.REAL:
        return
    if instrument.status is Status.SAMPLE:
        raise SampleInstrument(wave=plan.code, code=instrument.code)
    for scheme in schemes:
        if scheme.status is Status.SAMPLE:
            raise SampleScheme(wave=plan.code, code=scheme.code)


def _targets(session: Session, plan: WavePlan, schemes: tuple[Scheme, ...]) -> dict[str, int]:
    """The completed questionnaires wanted of each unit of the wave."""
    chosen = [unit.code for unit in _chosen_units(session, plan, schemes)]
    if not chosen:
        raise NothingRated(wave=plan.code)
    targets = dict(plan.targets)
    for code in targets:
        if code not in chosen:
            raise UnitNotInWave(wave=plan.code, unit=code)
    wanted = {code: targets.get(code, plan.target) for code in chosen}
    if plan.audience is Audience.CITIZENS:
        require_targets(plan.code, wanted)
    return wanted


def require_targets(wave: str, wanted: Mapping[str, int]) -> None:
    """TargetMissing with the units of which nobody would be drawn."""
    without = [code for code, target in wanted.items() if target < 1]
    if without:
        raise TargetMissing(wave=wave, units=", ".join(without))


def _new_wave(plan: WavePlan, instrument: Instrument, now: datetime) -> Wave:
    settings: dict[str, Any] = {
        "modes": [mode.value for mode in plan.modes],
        "block": plan.block,
        "sender": dict(plan.sender.pairs),
        "contact": dict(plan.contact.pairs),
        "precision": plan.precision.as_dict(),
    }
    return Wave(
        id=new_id(),
        code=plan.code,
        kind=plan.kind.value,
        audience=plan.audience.value,
        state=DRAFT,
        phase=1,
        province=plan.province,
        period_from=plan.period_from,
        period_to=plan.period_to,
        opens=plan.opens,
        closes=plan.closes,
        paused_until=None,
        opened_at=None,
        closed_at=None,
        instrument_code=instrument.code,
        instrument=instrument.source,
        settings=settings,
        documents=list(plan.documents),
        public_key=b"",
        created_at=now,
    )


def _chosen_units(session: Session, plan: WavePlan, schemes: tuple[Scheme, ...]) -> list[Unit]:
    """The units that the file names; `*` is every rated unit of the province that a scheme of the wave serves."""
    if plan.units == (ALL_UNITS,):
        candidates = session.scalars(
            select(Unit).where(Unit.parent == plan.province, Unit.rated).order_by(Unit.code)
        ).all()
        return [
            unit
            for unit in candidates
            if any(scheme.rates(unit.type) for scheme in schemes)
            and (unit.valid_from is None or unit.valid_from <= plan.period_to)
            and (unit.valid_to is None or unit.valid_to >= plan.period_from)
        ]
    units = {unit.code: unit for unit in session.scalars(select(Unit).where(Unit.code.in_(plan.units)))}
    for code in plan.units:
        if code not in units:
            raise UnitUnknown(unit=code)
        if not units[code].rated or not any(scheme.rates(units[code].type) for scheme in schemes):
            raise UnitNotRated(unit=code)
    return [units[code] for code in plan.units]


def find(session: Session, code: str) -> Wave:
    wave = session.scalars(select(Wave).where(Wave.code == code)).first()
    if wave is None:
        raise WaveUnknown(wave=code)
    return wave


def hold(session: Session, code: str) -> Wave:
    """Find a wave and let nobody else take it a step further before this transaction ends."""
    wave = find(session, code)
    session.refresh(wave, with_for_update=True)
    return wave


def all_waves(session: Session) -> list[Wave]:
    """Every wave, the newest first."""
    return list(session.scalars(select(Wave).order_by(Wave.period_to.desc(), Wave.code)))


def require(wave: Wave, *states: str) -> None:
    """WrongState unless the wave is in one of these states."""
    if wave.state not in states:
        raise WrongState(wave=wave.code, state=wave.state, needed=states[0])


def require_next(wave: Wave, state: str) -> None:
    """WrongState unless a step leads from the wave's state to this one; it names the usual state before."""
    if state not in NEXT[wave.state]:
        before = [one for one in NEXT if state in NEXT[one] and one != PAUSED][-1]
        raise WrongState(wave=wave.code, state=wave.state, needed=before)


def move(
    session: Session, wave: Wave, state: str, *, action: str, actor: str, now: datetime, document: str | None = None,
    **detail: Any,
) -> None:  # fmt: skip
    """Take the wave to its next state and write it into the log; the caller has asked for the decision (`decide`)."""
    require_next(wave, state)
    detail = {"from": wave.state, "document": document, **detail}
    wave.state = state
    audit.record(session, actor=actor, action=action, subject=wave.code, detail=detail, now=now)
    session.flush()


def decide(wave: Wave, document: str | None) -> None:
    """Keep the decision (số, ngày, người ký) behind a step with the wave: a real wave takes no step without one."""
    if document is None:
        if wave.kind == Kind.REAL:
            raise DocumentMissing(wave=wave.code)
        return
    if not approvals.names_decision(document):
        raise DocumentEmpty(wave=wave.code)
    if document not in wave.documents:
        wave.documents = [*wave.documents, document]


def require_not_closed(wave: Wave) -> None:
    if wave.state in OVER:
        raise WrongState(wave=wave.code, state=wave.state, needed=OPEN)


def open_wave(session: Session, wave: Wave, *, actor: str, now: datetime, document: str | None = None) -> None:
    """Let answers in, once there is a link or a poster to answer by; a real wave needs a plan that was decided."""
    require_next(wave, OPEN)
    require(wave, *((PLANNED,) if wave.kind == Kind.REAL else COMING))
    decide(wave, document)
    if wave.closes <= now:
        raise TooLate(wave=wave.code, closes=told(wave.closes))
    if not has_door(session, wave):
        raise NobodyInvited(wave=wave.code)
    wave.opened_at = now
    move(session, wave, OPEN, action="wave.open", actor=actor, now=now, document=document)


def has_door(session: Session, wave: Wave) -> bool:
    """Whether anybody could answer: by a link or a poster."""
    doors = (select(table.id).where(table.wave_id == wave.id).limit(1) for table in (Invitation, QuotaCell))
    return any(session.scalar(door) for door in doors)


def extend(session: Session, wave: Wave, *, closes: datetime, document: str, actor: str, now: datetime) -> None:
    """Take answers for longer, by a decision of its own (quyết định gia hạn); never shorter."""
    require(wave, OPEN, *COMING, PAUSED)
    if closes <= max(now, wave.closes):
        raise TooEarly(wave=wave.code, closes=told(wave.closes))
    decide(wave, document)
    detail = {"from": wave.closes.isoformat(), "to": closes.isoformat(), "document": document}
    wave.closes = closes
    audit.record(session, actor=actor, action="wave.extend", subject=wave.code, detail=detail, now=now)


def told(moment: datetime) -> str:
    """An instant as the province writes it."""
    return f"{moment.astimezone(PROVINCE_TIME):%d/%m/%Y %H:%M}"


def require_mode(wave: Wave, mode: str) -> None:
    """ModeNotPlanned unless the wave's file names this way of answering."""
    if mode not in wave.settings["modes"]:
        raise ModeNotPlanned(wave=wave.code, mode=mode)


def mark_closed(session: Session, wave: Wave, *, actor: str, now: datetime) -> None:
    """No answer comes in from here; the register is emptied by `responses.empty_register` in the same transaction.

    The end was decided with the plan; who closes before it asks `steps.end` first.
    """
    require_next(wave, CLOSED)
    wave.paused_until, wave.closed_at = None, now
    move(session, wave, CLOSED, action="wave.close", actor=actor, now=now)


def known(session: Session) -> dict[bytes, KnownWave]:
    """The running waves by id as this process last read them; who uses one compares its `standing` (STANDING) first."""
    found = _known.get(session.connection().engine.url)
    return look_again(session) if found is None else found


def look_again(session: Session) -> dict[bytes, KnownWave]:
    """Read the running waves, the paused ones too, from the database."""
    session.flush()
    found = session.connection().execute(_RUNNING_WAVES.where(Wave.state.in_(RUNNING))).all()
    waves = {row.id: _as_known(row) for row in found}
    _known[session.connection().engine.url] = waves
    return waves


def _as_known(row: Row[Any]) -> KnownWave:
    parts = row._asdict()
    standing = parts.pop("standing")
    return KnownWave(Wave(**parts), standing)


def is_answerable(wave: Wave, now: datetime) -> bool:
    return wave.state == OPEN and wave.opens <= now < wave.closes


def is_resting(wave: Wave, now: datetime) -> bool:
    """Whether the wave is paused in the midst of its time: who comes now is told when to come back."""
    return wave.state == PAUSED and wave.opens <= now < wave.closes


@lru_cache(maxsize=64)
def _parsed_instrument(source: str) -> Instrument:
    return load_instrument(source)


@lru_cache(maxsize=64)
def parsed_scheme(source: str) -> Scheme:
    """A scheme by its frozen text."""
    return load_scheme(source)


def instrument_of(wave: Wave) -> Instrument:
    """The questionnaire as it was frozen into the wave."""
    return _parsed_instrument(wave.instrument)


def schemes_of(session: Session, wave: Wave) -> tuple[Scheme, ...]:
    """The schemes as they were frozen into the wave, in its order."""
    rows = session.scalars(select(WaveScheme).where(WaveScheme.wave_id == wave.id).order_by(WaveScheme.position))
    return tuple(parsed_scheme(row.source) for row in rows)


def units_of(session: Session, wave: Wave) -> list[tuple[Unit, int]]:
    """The wave's rated units with their targets, by code."""
    rows = session.execute(
        select(Unit, WaveUnit.target)
        .join(WaveUnit, WaveUnit.unit_code == Unit.code)
        .where(WaveUnit.wave_id == wave.id)
        .order_by(Unit.code)
    )
    return [(unit, target) for unit, target in rows]


def province_of(session: Session, wave: Wave) -> Unit:
    """The province that asks, for reading alone: every first page names it."""
    return to_read(session, wave.province)

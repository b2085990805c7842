"""Invitations: one personal link for each kept, reachable person or rater; the register of who may answer.

A link's code is derived from the wave key and the invitation's id, so that a reminder can carry it without any link
being stored. Whether a link was used is not in the register (see `responses`).
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from survey.errors.common import LinkClosed, WrongState
from survey.keys import Keys, WaveKey
from survey.model.base import new_id
from survey.model.frame import Dossier
from survey.model.invitation import Invitation
from survey.model.rater import Rater
from survey.model.sample import ClassCell, Draw, SampledDossier
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import audit, lots, samples, waves
from survey.wavefile import Mode

ISSUED, WRONG_PERSON = "issued", "wrong_person"
ALL = "*"
CHUNK = 5000


def issue(
    session: Session, wave: Wave, *, key: WaveKey, actor: str, now: datetime, only: Mapping[str, int] | None = None
) -> int:
    """Give everybody who was drawn and can be reached a link; the number of new ones (a second call adds none).

    With `only` so many more of each class have their turn, in the order that the draw's seed puts them in: nobody
    picks a person, and who has the seed and the frame can repeat it.
    """
    if wave.state in waves.OVER:
        raise WrongState(wave=wave.code, state=wave.state, needed=waves.OPEN)
    waves.require_mode(wave, Mode.LINK)
    rows = _of_citizens(session, wave, only) if wave.audience == "citizens" else _of_raters(session, wave)
    for row in rows:
        identity = new_id()
        row.update(id=identity, code_mark=key.mark("code", key.code(identity)))
    for start in range(0, len(rows), CHUNK):
        session.execute(insert(Invitation), rows[start : start + CHUNK])
    if wave.audience == "citizens":
        _count_invited(session, wave)
    detail = {"new": len(rows)} if only is None else {"new": len(rows), "classes": dict(sorted(only.items()))}
    audit.record(session, actor=actor, action="invitations.issue", subject=wave.code, detail=detail, now=now)
    return len(rows)


def _count_invited(session: Session, wave: Wave) -> None:
    """From the first link on a class counts whom it invited, not whom it could."""
    issued = (
        select(func.count())
        .where(Invitation.wave_id == ClassCell.wave_id, Invitation.class_code == ClassCell.class_code)
        .scalar_subquery()
    )
    session.execute(update(ClassCell).where(ClassCell.wave_id == wave.id).values(invited=issued))


def _of_citizens(session: Session, wave: Wave, only: Mapping[str, int] | None) -> list[dict[str, object]]:
    draw = session.get(Draw, wave.id)
    if draw is None:
        raise WrongState(wave=wave.code, state="not drawn", needed="drawn")
    waiting: dict[str, list[tuple[str, bytes, str]]] = defaultdict(list)
    for row in _without_link(session, wave):
        waiting[row.class_code].append((turn(draw.seed, row.code_mark), row.dossier_id, row.unit_code))
    rows = []
    for code, people in sorted(waiting.items()):
        number = len(people) if only is None else only.get(code, 0)
        chosen = sorted(people)[:number]
        rows += [_row(wave, dossier_id=dossier, unit_code=unit, class_code=code) for _turn, dossier, unit in chosen]
    return rows


def turn(seed: int, mark: bytes) -> str:
    """Where a drawn dossier stands in the order of release."""
    return hashlib.sha256(f"{seed}|release|{mark.hex()}".encode()).hexdigest()


def _without_link(session: Session, wave: Wave) -> Sequence[Any]:
    """Dossier, mark, unit and class of everybody drawn who can be reached and has no link yet."""
    return session.execute(
        select(SampledDossier.dossier_id, Dossier.code_mark, Dossier.unit_code, SampledDossier.class_code)
        .join(Dossier, Dossier.id == SampledDossier.dossier_id)
        .join(
            ClassCell,
            (ClassCell.wave_id == SampledDossier.wave_id) & (ClassCell.class_code == SampledDossier.class_code),
        )
        .outerjoin(Invitation, Invitation.dossier_id == SampledDossier.dossier_id)
        .where(
            SampledDossier.wave_id == wave.id,
            SampledDossier.kept,
            samples.reachable(wave),
            ClassCell.reachable > 0,  # nothing in units where fewer than ten could be invited
            Invitation.id.is_(None),
        )
    ).all()


def _of_raters(session: Session, wave: Wave) -> list[dict[str, object]]:
    groups = Counter(session.scalars(select(Rater.group).where(Rater.wave_id == wave.id)))
    for group, count in groups.items():
        if session.get(ClassCell, (wave.id, group)) is None:
            counts = dict.fromkeys(("population", "drawn", "kept", "reachable", "invited", "stratum_population"), count)
            session.add(ClassCell(wave_id=wave.id, class_code=group, stratum=group, weight_sum=float(count), **counts))
    session.flush()
    found = session.execute(
        select(Rater.id, Rater.group)
        .outerjoin(Invitation, Invitation.rater_id == Rater.id)
        .where(Rater.wave_id == wave.id, Invitation.id.is_(None))
    )
    return [_row(wave, rater_id=rater, class_code=group) for rater, group in found]


def _row(wave: Wave, **what: object) -> dict[str, object]:
    subject = {"dossier_id": None, "rater_id": None, "unit_code": None, **what}
    return {"wave_id": wave.id, "state": ISSUED, **subject}


def links(session: Session, wave: Wave, key: WaveKey) -> Iterator[tuple[Invitation, str]]:
    """Every invitation with the code of its link."""
    found = select(Invitation).where(Invitation.wave_id == wave.id, Invitation.state == ISSUED)
    for invitation in session.scalars(found.execution_options(yield_per=1000)):
        yield invitation, key.code(invitation.id)


@dataclass(frozen=True)
class Reached:
    """Somebody invited, with what a message can be sent to."""

    invitation: bytes
    phone: str
    email: str
    cell: str | None = None  # the joint class of a citizen, for the board's counts

    @property
    def contacts(self) -> tuple[str, ...]:
        return tuple(contact for contact in (self.phone, self.email) if contact)


def people(session: Session, wave: Wave, keys: Keys, *, only: bytes | None = None) -> Iterator[Reached]:
    """Everybody invited, or the one of this invitation; left out are those who draw their link by lot."""
    installation = keys.installation
    person = Dossier if wave.audience == "citizens" else Rater
    subject = Invitation.dossier_id if wave.audience == "citizens" else Invitation.rater_id
    chosen = Invitation.wave_id == wave.id if only is None else Invitation.id == only
    found = session.execute(
        select(Invitation.id, Invitation.rater_id, Invitation.class_code, person.phone, person.email)
        .join(person, person.id == subject)
        .where(chosen, Invitation.state == ISSUED)
    ).all()
    by_lot = lots.handed_out(session, wave) if wave.audience != "citizens" else set()
    for identity, rater, cell, *hidden in found:
        if rater not in by_lot:
            phone, email = (installation.reveal(contact) if contact else "" for contact in hidden)
            yield Reached(identity, phone, email, cell if rater is None else None)


def contacts(session: Session, wave: Wave, keys: Keys, *, actor: str, now: datetime) -> Iterator[tuple[str, str, str]]:
    """Phone, e-mail and code of everybody whom a message reaches; that it was taken out stays in the audit log."""
    key = keys.wave(wave.id)
    reached = [one for one in people(session, wave, keys) if one.contacts]
    detail = {"links": len(reached)}
    audit.record(session, actor=actor, action="invitations.export", subject=wave.code, detail=detail, now=now)
    for one in reached:
        yield one.phone, one.email, key.code(one.invitation)


def counts_by_unit(session: Session, wave: Wave) -> dict[str, int]:
    """Invited by unit (citizens) or by rater group (officials), from the counts that outlive the register."""
    key = ClassCell.unit_code if wave.audience == "citizens" else ClassCell.class_code
    found = session.execute(select(key, func.sum(ClassCell.invited)).where(ClassCell.wave_id == wave.id).group_by(key))
    return {str(cell): int(invited) for cell, invited in found}


def block_of(session: Session, wave: Wave, key: WaveKey, rater_id: bytes | None) -> tuple[Unit, ...]:
    """The units that a rater is asked about: a random block, never the own agency, stored nowhere.

    It follows from the wave key and the rater, so that the same link shows the same block and the database alone
    cannot tell whose block an answer is.
    """
    rater = session.get(Rater, rater_id) if rater_id else None
    if rater is None:
        raise LinkClosed()
    may = [
        unit
        for unit, _target in waves.units_of(session, wave)
        if unit.code != rater.agency and (rater.rates == [ALL] or unit.code in rater.rates)
    ]
    rng = random.Random(key.mark("block", rater.code_mark))
    return tuple(rng.sample(may, min(int(wave.settings["block"]), len(may))))

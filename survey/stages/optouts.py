"""Opt-outs: who wants no more messages is written to no more, in no wave; only a keyed hash of the contact is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from sqlalchemy import Table, or_, select
from sqlalchemy.orm import Session

from survey.db import engine_of, insert_into
from survey.keys import InstallationKey, Keys, normalise_code
from survey.model.frame import Dossier
from survey.model.invitation import Invitation
from survey.model.message import OptOut
from survey.model.rater import Rater
from survey.model.wave import Wave
from survey.stages import counts, waves
from survey.stages.counts import Event


def stop(session: Session, installation: InstallationKey, contacts: Iterable[str]) -> None:
    """Write to these phones and e-mails no more."""
    rows = [{"mark": mark_of(installation, contact)} for contact in contacts]
    if rows:
        table = cast(Table, OptOut.__table__)
        session.execute(insert_into(table, engine_of(session)).on_conflict_do_nothing(), rows)


def mark_of(installation: InstallationKey, contact: str) -> bytes:
    return installation.mark("opt-out", contact)


def all_marks(session: Session) -> frozenset[bytes]:
    return frozenset(session.scalars(select(OptOut.mark)))


def is_stopped(session: Session, installation: InstallationKey, contacts: Iterable[str]) -> bool:
    """Whether one of a person's contacts was asked to be left alone: then none is used."""
    marks = [mark_of(installation, contact) for contact in contacts]
    return session.scalar(select(OptOut.mark).where(OptOut.mark.in_(marks)).limit(1)) is not None


def stop_by_link(session: Session, keys: Keys, code: str) -> None:
    """What the holder of a personal link asked for; a used link too, an unknown one changes nothing."""
    marks = [
        keys.wave(wave_id).mark("code", normalise_code(code))
        for wave_id in session.scalars(select(Wave.id).where(Wave.state.in_(waves.RUNNING)))
        if keys.has_wave(wave_id)
    ]
    found = session.execute(
        select(
            Invitation.wave_id, Invitation.class_code, Rater.id, Dossier.phone, Dossier.email, Rater.phone, Rater.email
        )
        .select_from(Invitation)
        .outerjoin(Dossier, Dossier.id == Invitation.dossier_id)
        .outerjoin(Rater, Rater.id == Invitation.rater_id)
        .where(or_(*(Invitation.code_mark == mark for mark in marks)) if marks else Invitation.id.is_(None))
    ).first()
    if found is not None:
        wave_id, cell, rater, *hidden = found
        contacts = [keys.installation.reveal(one) for one in hidden if one]
        if rater is None and contacts and not is_stopped(session, keys.installation, contacts):
            counts.note(session, wave_id, cell, Event.REFUSED)
        stop(session, keys.installation, contacts)

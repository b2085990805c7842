"""Re-contacts (phúc tra): a random share of every interviewer's list and of every unit is called, by oversight.

The rule (seed and share) is drawn once and published, before the first links; each later link and list follows it, and
everybody is told on the first page. Facts and three questions are asked again. What was answered before is nobody's,
so questions are compared as distributions, and answer by answer only for people who agreed (`matches`), at the close;
what an interviewer recorded is compared with what the person says. Only counts are kept; the list goes at the close.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from survey.db import engine_of, insert_into
from survey.errors.common import KeyMissing, WrongAudience, WrongState
from survey.errors.field import CaseEnded, CaseUnknown, RecontactDrawn
from survey.instrument import Item
from survey.keys import Keys, WaveKey, decrypt, encrypt
from survey.model.frame import Dossier
from survey.model.interview import Assignment
from survey.model.invitation import Invitation
from survey.model.recontact import Recontact, RecontactTally
from survey.model.response import Answer
from survey.model.staff import Account
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import assignments, audit, invitations, matches, waves
from survey.stages.classes import PRIVACY_FLOOR
from survey.stages.interviews import Outcome
from survey.stages.matches import SETTING

ITEMS, PAD = 3, 512
SATISFIED = frozenset({"4", "5"})
AGREE, DIFFER = "agree", "differ"
SAME = "same"  # whether both answers of who agreed to a comparison are the same


class Call(StrEnum):
    """How a call ended."""

    DONE = "done"
    NO_CONTACT = "no_contact"
    REFUSED = "refused"


class Asked(StrEnum):
    """How the person says that the survey was answered."""

    LINK = "link"
    INTERVIEWER = "interviewer"
    OTHER = "other"  # a form that somebody handed over, or another person answered
    NOT = "not"


@dataclass(frozen=True)
class Case:
    """Somebody to call."""

    row: Recontact
    wave: Wave
    key: WaveKey
    unit: Unit
    name: str
    phone: str
    call: Call | None

    @property
    def code(self) -> str:
        return self.row.mark.hex()


@dataclass(frozen=True)
class Share:
    """A share among calls (or answers) with its 95 % interval by Wilson; no figure below ten."""

    count: int
    total: int

    @property
    def is_told(self) -> bool:
        return self.total >= PRIVACY_FLOOR

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson (1927), z = 1.96."""
        n, p, z2 = self.total, self.count / self.total, 1.96**2
        half = 1.96 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        return (p + z2 / (2 * n) - half) / (1 + z2 / n), (p + z2 / (2 * n) + half) / (1 + z2 / n)


def draw(
    session: Session, wave: Wave, keys: Keys, *, seed: int, share: float, actor: str, now: datetime,
    document: str | None = None,
) -> dict[str, int]:  # fmt: skip
    """Draw the rule, once, for every list and unit, and apply it to whoever has a link; how many by group.

    Later links and lists follow by themselves (`follow`). The log names no person. A real wave needs the decision or
    the minutes of this step, too.
    """
    _require_open_to_draw(wave)
    session.refresh(wave, with_for_update=True)
    if SETTING in wave.settings:
        raise RecontactDrawn(wave=wave.code, seed=wave.settings[SETTING]["seed"])
    waves.decide(wave, document)
    items = sorted(one.code for one in Random(f"{seed}|recontact items").sample(_scales(wave), ITEMS))
    told = {"seed": seed, "share": share, "items": items, matches.PUBLIC: keys.new_once(wave.id).public.hex()}
    wave.settings = {**wave.settings, SETTING: told}
    detail = {"seed": seed, "share": share, "document": document}
    audit.record(session, actor=actor, action="recontact.draw", subject=wave.code, detail=detail, now=now)
    return follow(session, wave, keys.wave(wave.id), actor=actor, now=now)


def follow(session: Session, wave: Wave, key: WaveKey, *, actor: str, now: datetime) -> dict[str, int]:
    """Apply the rule that was drawn to links and lists that came since; how many were added, by group.

    Everybody has one place by the seed, whenever invited; in each group those in front are called, and who is drawn
    stays so. Nothing happens before the rule is drawn.
    """
    rule = wave.settings.get(SETTING)
    if rule is None or wave.state in waves.OVER:
        return {}
    session.refresh(wave, with_for_update=True)  # two releases at once would draw the same people twice
    known = set(session.scalars(select(Recontact.mark).where(Recontact.wave_id == wave.id)))
    added: dict[str, int] = {}
    codes: list[str] = []
    for group, people in sorted(_groups(session, wave, key).items()):
        marks = {code_mark: matches.mark_of(key, identity) for code_mark, identity in people}
        lacks = math.ceil(rule["share"] * len(people)) - sum(mark in known for mark in marks.values())
        waiting = [one for one in people if marks[one[0]] not in known]
        for code_mark, identity in sorted(waiting, key=lambda one: _place(rule["seed"], one[0]))[: max(lacks, 0)]:
            mark = marks[code_mark]
            session.add(Recontact(mark=mark, wave_id=wave.id, sealed=_seal(key, mark, identity, None)))
            codes.append(code_mark.hex())
            added[group] = added.get(group, 0) + 1
    if codes:
        digest = hashlib.sha256("\n".join(sorted(codes)).encode()).hexdigest()
        detail = {"seed": rule["seed"], "share": rule["share"], "people": len(codes), "digest": digest}
        audit.record(session, actor=actor, action="recontact.follow", subject=wave.code, detail=detail, now=now)
    session.flush()
    return added


def _place(seed: int, code_mark: bytes) -> bytes:
    """Where the seed puts a dossier among all: nobody who does not know it can tell, everybody who does can check."""
    return hmac.digest(f"{seed}|recontact".encode(), code_mark, "sha256")


def _require_open_to_draw(wave: Wave) -> None:
    if wave.audience != "citizens":
        raise WrongAudience(wave=wave.code, audience=wave.audience, needed="citizens")
    if wave.state in waves.OVER:
        raise WrongState(wave=wave.code, state=wave.state, needed=waves.OPEN)


def _scales(wave: Wave) -> list[Item]:
    """The questions that may be asked again: those with a scale, of everybody."""
    found = waves.instrument_of(wave).answer_items
    return [one for one in found if one.options and one.options.is_scale and one.route is None]


def _groups(session: Session, wave: Wave, key: WaveKey) -> dict[str, list[tuple[bytes, bytes]]]:
    """Everybody invited who has a phone, by interviewer or else by unit, in the order of the dossiers' hashes."""
    lists = _lists(session, wave)
    found = session.execute(
        select(Dossier.code_mark, Invitation.id, Invitation.unit_code)
        .join(Dossier, Dossier.id == Invitation.dossier_id)
        .where(Invitation.wave_id == wave.id, Invitation.state == invitations.ISSUED, Dossier.phone.is_not(None))
    )
    groups: dict[str, list[tuple[bytes, bytes]]] = defaultdict(list)
    for code_mark, identity, unit in sorted(found, key=lambda row: bytes(row[0])):
        groups[lists.get(assignments.mark_of(key, identity), str(unit))].append((code_mark, identity))
    return dict(groups)


def _lists(session: Session, wave: Wave) -> dict[bytes, str]:
    """Who has whom on the list: the interviewer's address by the mark of the assignment."""
    lists = (
        select(Assignment.mark, Account.email)
        .join(Account, Account.id == Assignment.account_id)
        .where(Assignment.wave_id == wave.id)
    )
    return {bytes(mark): str(email) for mark, email in session.execute(lists)}


def _seal(key: WaveKey, mark: bytes, identity: bytes, call: Call | None) -> bytes:
    text = json.dumps({"invitation": identity.hex(), "call": call}).encode()
    return encrypt(key.subkey("recontact", mark), text.ljust(PAD))


def _unseal(key: WaveKey, row: Recontact) -> tuple[bytes, Call | None]:
    notes = json.loads(decrypt(key.subkey("recontact", row.mark), row.sealed))
    return bytes.fromhex(notes["invitation"]), Call(notes["call"]) if notes["call"] else None


def cases(session: Session, keys: Keys) -> list[Case]:
    """Everybody to call in open waves, those not called yet first."""
    rows = session.execute(_open()).all()
    found = [_case(session, keys, row[0], row[1]) for row in rows]
    return sorted(found, key=lambda one: (one.wave.code, one.call is Call.DONE, one.call or "", one.code))


def find(session: Session, keys: Keys, code: str) -> Case:
    """One person to call, held until the end of the transaction."""
    try:
        mark = bytes.fromhex(code)
    except ValueError as error:
        raise CaseUnknown() from error
    row = session.execute(_open().where(Recontact.mark == mark).with_for_update(of=Recontact)).first()
    if row is None:
        raise CaseUnknown()
    return _case(session, keys, row[0], row[1])


def _open() -> Any:
    return select(Recontact, Wave).join(Wave, Wave.id == Recontact.wave_id).where(Wave.state.in_(waves.RUNNING))


def _case(session: Session, keys: Keys, row: Recontact, wave: Wave) -> Case:
    key = keys.wave(wave.id)
    identity, call = _unseal(key, row)
    invitation = session.get_one(Invitation, identity)
    dossier = session.get_one(Dossier, invitation.dossier_id)
    name, phone = (keys.installation.reveal(blob) if blob else "" for blob in (dossier.name, dossier.phone))
    return Case(row, wave, key, session.get_one(Unit, invitation.unit_code), name, phone, call)


def items_of(wave: Wave) -> list[Item]:
    """The three questions that are asked again."""
    instrument = waves.instrument_of(wave)
    return [instrument.item(code) for code in wave.settings.get(SETTING, {}).get("items", [])]


def record(
    session: Session, case: Case, call: Call, *, asked: Asked | None, has_filed: bool | None, said: Mapping[str, str]
) -> None:
    """Count one call; what was said stands in sums alone, and the call itself says only how it ended."""
    if case.call is Call.DONE:
        raise CaseEnded()
    counted = [("call", call.value)]
    if call is Call.DONE:
        counted += [("asked", asked.value)] if asked else []
        counted += [("filed", "yes" if has_filed else "no")] if has_filed is not None else []
        counted += [
            (f"item:{one.code}", said[one.code]) for one in items_of(case.wave) if said.get(one.code) in one.codes
        ]
        counted += _compared(session, case, asked) if asked else []
        agreed = case.row.mark if asked in (Asked.LINK, Asked.INTERVIEWER) else None  # else there is nothing to compare
        matches.wait(session, case.wave, agreed, said, is_call=True, is_asked=True)
    for about, word in counted:
        _count(session, case.wave, about, word)
    identity, _call = _unseal(case.key, case.row)
    case.row.sealed = _seal(case.key, case.row.mark, identity, call)
    session.flush()


def _compared(session: Session, case: Case, asked: Asked) -> list[tuple[str, str]]:
    """Whether the interviewer's record agrees with the person: what was recorded was held, and nothing else."""
    identity, _call = _unseal(case.key, case.row)
    row = session.get(Assignment, assignments.mark_of(case.key, identity))
    if row is None:
        return []
    tried = assignments.unseal(case.key, row)["attempts"]
    is_recorded = bool(tried) and tried[-1]["outcome"] in (Outcome.COMPLETE, Outcome.PARTIAL)
    email = session.get_one(Account, row.account_id).email
    return [(f"list:{email}", AGREE if is_recorded == (asked is Asked.INTERVIEWER) else DIFFER)]


def compare(session: Session, wave: Wave, keys: Keys) -> None:
    """At the close, while the lists are there: count who gave the same answer twice, of those who agreed to it."""
    key = keys.wave(wave.id)
    lists = _lists(session, wave)
    rows = session.scalars(select(Recontact).where(Recontact.wave_id == wave.id))
    groups = {bytes(row.mark): lists.get(assignments.mark_of(key, _unseal(key, row)[0]), "") for row in rows}
    try:
        once = keys.once(wave.id)
    except KeyMissing:  # lost with its folder, or never there: the distributions stay
        once = None
    pairs = matches.settle(session, wave, once, groups)
    for place, code in enumerate(wave.settings.get(SETTING, {}).get("items", [])):
        for group, words in matches.counted(pairs, place).items():
            about = f"{SAME}:{code}:{group}" if group else f"{SAME}:{code}"
            for is_same, people in words.items():
                _count(session, wave, about, AGREE if is_same else DIFFER, people)


def _count(session: Session, wave: Wave, about: str, word: str, people: int = 1) -> None:
    new = insert_into(cast(Table, RecontactTally.__table__), engine_of(session))
    key = [RecontactTally.wave_id, RecontactTally.about, RecontactTally.word]
    values = {"wave_id": wave.id, "about": about, "word": word, "people": people}
    more = {"people": RecontactTally.people + people}
    session.execute(new.values(**values).on_conflict_do_update(index_elements=key, set_=more))


def counts(session: Session, wave: Wave) -> dict[str, dict[str, int]]:
    """What the calls said, by what it is about."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    rows = select(RecontactTally.about, RecontactTally.word, RecontactTally.people)
    for about, word, people in session.execute(rows.where(RecontactTally.wave_id == wave.id)):
        found[about][word] = people
    return dict(found)


def report(session: Session, wave: Wave) -> dict[str, Share]:
    """Shares by what they are about: lists that agree, who filed, who is satisfied in calls and, closed, in answers."""
    told: dict[str, Share] = {}
    for about, words in sorted(counts(session, wave).items()):
        kind, _, code = about.partition(":")
        good = {"list": {AGREE}, "filed": {"yes"}, SAME: {AGREE}}.get(kind)
        if good is not None:
            told[about] = _share(words, good)
        elif kind == "item" and wave.state in waves.OVER:  # before, it would be a running score
            told[about] = _share(words, SATISFIED)
            told[f"answers:{code}"] = _share(_answered(session, wave, code), SATISFIED)
    return told


def _share(words: Mapping[str, int], good: Iterable[str]) -> Share:
    return Share(sum(words.get(word, 0) for word in good), sum(words.values()))


def _answered(session: Session, wave: Wave, code: str) -> dict[str, int]:
    """How the wave's own answers to a question are spread."""
    found: dict[str, int] = defaultdict(int)
    choices = set(waves.instrument_of(wave).item(code).codes)
    for items in session.scalars(select(Answer.items).where(Answer.wave_id == wave.id)):
        if items.get(code) in choices:
            found[items[code]] += 1
    return dict(found)

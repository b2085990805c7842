"""The frame (dàn mẫu): dossier lists of the one-stop offices, taken in row by row and kept without anybody's contact.

A row that cannot be used is quarantined and named; a dossier that comes again, also under a linked code, counts once.
"""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.orm import Session

from survey import sheet
from survey.cells import CellRefused, Flaw, RowFault, plain
from survey.db import insert_rows, room_for_many
from survey.errors.common import AlreadyDrawn, WrongAudience
from survey.keys import InstallationKey
from survey.mapping import PLAIN
from survey.mapping import Mapping as Layout
from survey.model.base import new_id, new_ids
from survey.model.frame import Dossier, FrameFile, QuarantinedRow
from survey.model.sample import Draw
from survey.model.wave import Wave
from survey.sheet import Row
from survey.stages import audit, repeats, waves
from survey.stages.dossiers import COLUMNS, UNKNOWN, Judge, Judged, Values, staff_marks

CITIZENS = "citizens"
CHUNK = 5000
DIGIT = re.compile(r"\d")
LONGEST_EXAMPLE = 40
# counted over what this import took in: a list that is read again adds to them, where other counts are of all its rows
OF_DOSSIERS = ("completed", "staff_phone_dossiers", "unreadable_contacts", "unreadable_facts")
MOST_CHANGED = 300  # rows named that say something else: a list laid out otherwise contradicts in each
MOST_UNKNOWN, LONGEST_NAME = 200, 120  # names of units that are none: enough to put a mapping right


@dataclass(frozen=True)
class UnitCount:
    """The usable dossiers of one rated unit in a file."""

    unit: str
    dossiers: int
    late: int
    staff: int = 0  # filed under a phone of the officials' list: likely for another (nộp hộ)


@dataclass(frozen=True)
class UnknownUnit:
    """A rated unit as the list writes it that is none of the wave's: its rows, and which units may be meant."""

    written: str
    rows: int
    suggestions: tuple[str, ...]


@dataclass(frozen=True)
class UnknownFact:
    """A column in which something stands that cannot be read: in how many dossiers taken in, and the first, masked."""

    column: str
    rows: int
    example: str  # digits hidden: a column that slipped may hold a phone


@dataclass(frozen=True)
class FrameReport:
    """What a dossier list held: rows taken, rows set aside, and facts that are no errors."""

    rows: int
    accepted: int
    quarantined: tuple[RowFault, ...]
    unreadable_contacts: tuple[RowFault, ...]  # rows that are used, without this phone or e-mail
    unknown_facts: tuple[UnknownFact, ...]
    duplicates: int
    completed: int  # dossiers that were there, with a contact or a fact that they lacked
    changed: tuple[RowFault, ...]  # the first rows of dossiers that were there and say otherwise: nothing was changed
    changed_by_column: Mapping[str, int]  # all of them
    linked_duplicates: int
    shared_phones: int  # phones behind more than one dossier of the wave, and how many dossiers
    shared_phone_dossiers: int
    staff_phone_dossiers: int
    without_contact: int
    outside_period: int
    late: int
    on_time: int
    timing_unknown: int
    by_unit: tuple[UnitCount, ...]
    unknown_units: tuple[UnknownUnit, ...]
    system: str
    imported_before: bool
    dry_run: bool

    def counts(self) -> dict[str, Any]:
        """The report without its lists of rows: what is kept with the file and in the audit log."""
        reasons = Counter(fault.reason.value for fault in self.quarantined)
        return {
            "rows": self.rows,
            "accepted": self.accepted,
            "quarantined": len(self.quarantined),
            "quarantined_by_reason": dict(sorted(reasons.items())),
            "unreadable_contacts": len(self.unreadable_contacts),
            "unreadable_facts": sum(one.rows for one in self.unknown_facts),
            "duplicates": self.duplicates,
            "completed": self.completed,
            "changed": sum(self.changed_by_column.values()),
            "linked_duplicates": self.linked_duplicates,
            "shared_phones": self.shared_phones,
            "shared_phone_dossiers": self.shared_phone_dossiers,
            "staff_phone_dossiers": self.staff_phone_dossiers,
            "without_contact": self.without_contact,
            "outside_period": self.outside_period,
            "late": self.late,
            "on_time": self.on_time,
            "timing_unknown": self.timing_unknown,
        } | ({"system": self.system} if self.system else {})

    def as_dict(self) -> dict[str, Any]:
        """Everything, for files and pages."""
        return self.counts() | {
            "quarantined": [fault.as_dict() for fault in self.quarantined],
            "unreadable_contacts": [fault.as_dict() for fault in self.unreadable_contacts],
            "changed": [fault.as_dict() for fault in self.changed],
            "changed_by_column": dict(self.changed_by_column),
            "unknown_facts": [asdict(one) for one in self.unknown_facts],
            "unknown_units": [asdict(one) for one in self.unknown_units],
            "by_unit": [asdict(one) for one in self.by_unit],
            "imported_before": self.imported_before,
            "dry_run": self.dry_run,
        }


def import_frame(
    session: Session,
    wave: Wave,
    file: Path,
    *,
    installation: InstallationKey,
    actor: str,
    now: datetime,
    mapping: Layout = PLAIN,
    dry_run: bool = False,
) -> FrameReport:
    """Take the usable rows of a dossier list into the wave's frame; the same file again changes nothing.

    FileRefused for a file that is not what it says: nothing of it is taken. A list that was imported before takes in
    the rows that have become usable since (a unit was added), and only those.
    """
    require_open_frame(session, wave)
    digest = sheet.digest(file)
    earlier = session.scalars(
        select(FrameFile).where(FrameFile.wave_id == wave.id, FrameFile.digest == digest)
    ).one_or_none()
    judge, seen = Judge(session, wave, installation), _Seen.of(session, wave)
    staff = staff_marks(session, installation)
    intake = _Intake(judge, seen, staff, keep_faulty=earlier is None, system=mapping.system)
    rows = sheet.read(file, COLUMNS, mapping)
    # a file that turns out broken at its end leaves nothing behind, nor does a trial
    with _uncollected(), room_for_many(session), session.begin_nested() as step:
        file_id = earlier.id if earlier else _new_file(session, wave, digest, actor, now)
        for chunk in intake.chunks(rows):
            _store(session, file_id, chunk)
            intake.note(repeats.settle(session, wave, chunk.repeats, installation))
        report = intake.report(wave, imported_before=earlier is not None, dry_run=dry_run)
        if dry_run:
            step.rollback()
        elif earlier is None or report.accepted or report.completed:
            _settle(session, wave, file_id, intake, report, actor=actor, now=now)
    return report


@contextmanager
def _uncollected() -> Iterator[None]:
    """Rows make no circles: looking for such garbage takes a fifth of the time of a long list."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def require_open_frame(session: Session, wave: Wave) -> None:
    """Dossiers join a citizens' wave in draft, and none after the draw, whose probabilities are of that frame."""
    waves.require(wave, *waves.COMING)
    if wave.audience != CITIZENS:
        raise WrongAudience(wave=wave.code, audience=wave.audience, needed=CITIZENS)
    draw = session.get(Draw, wave.id)
    if draw is not None:
        raise AlreadyDrawn(wave=wave.code, seed=draw.seed)


def _new_file(session: Session, wave: Wave, digest: str, actor: str, now: datetime) -> bytes:
    file = FrameFile(id=new_id(), wave_id=wave.id, digest=digest, imported_at=now, imported_by=actor, report={})
    session.add(file)
    session.flush()
    return file.id


def _store(session: Session, file_id: bytes, chunk: _Chunk) -> None:
    for dossier, identity in zip(chunk.dossiers, new_ids(len(chunk.dossiers)), strict=True):
        dossier["id"] = identity
    insert_rows(session, cast(Table, Dossier.__table__), chunk.dossiers)
    if chunk.faulty:
        session.execute(insert(QuarantinedRow), [row | {"id": new_id(), "file_id": file_id} for row in chunk.faulty])


def _settle(
    session: Session, wave: Wave, file_id: bytes, intake: _Intake, report: FrameReport, *, actor: str, now: datetime
) -> None:
    """Keep the report; rows of an earlier import that are used now leave the quarantine."""
    file = session.get_one(FrameFile, file_id)
    counts = report.counts()
    file.report = counts | {name: int(file.report.get(name, 0)) + counts[name] for name in OF_DOSSIERS}
    if report.imported_before:
        rows = intake.accepted_rows
        for start in range(0, len(rows), CHUNK):
            freed = QuarantinedRow.row.in_(rows[start : start + CHUNK])
            session.execute(delete(QuarantinedRow).where(QuarantinedRow.file_id == file_id, freed))
    detail = {"digest": file.digest, **report.counts()}
    audit.record(session, actor=actor, action="frame.import", subject=wave.code, detail=detail, now=now)
    session.flush()


# --- the whole list


@dataclass
class _Seen:
    """The dossiers of the wave so far: what stands behind each code, codes of the same dossiers, dossiers by phone."""

    contents: dict[bytes, int] = field(default_factory=dict)
    linked: set[bytes] = field(default_factory=set)
    phones: Counter[bytes] = field(default_factory=Counter)

    @classmethod
    def of(cls, session: Session, wave: Wave) -> _Seen:
        seen = cls()
        columns = [getattr(Dossier, name) for name in repeats.CONTENT]
        about = (Dossier.code_mark, Dossier.linked_mark, Dossier.person_mark, Dossier.phone.is_not(None))
        for row in session.execute(select(*about, *columns).where(Dossier.wave_id == wave.id)):
            code, linked, person, has_phone = row[:4]
            seen._add(code, linked, person if has_phone else None, hash(tuple(row[4:])))
        return seen

    def _add(self, code: bytes, linked: bytes | None, phone: bytes | None, content: int) -> None:
        self.contents[code] = content
        if linked is not None:
            self.linked.add(linked)
        if phone is not None:
            self.phones[phone] += 1

    def admit(self, dossier: Values) -> str:
        """Take note of a dossier; else how it was there already, "repeats" when it says something else now."""
        code, linked, content = dossier["code_mark"], dossier["linked_mark"], hash(repeats.content_of(dossier))
        known = self.contents.get(code)
        if known is not None:
            return "duplicates" if known == content else "repeats"
        if code in self.linked or (linked is not None and (linked in self.linked or linked in self.contents)):
            self.linked.update((code, linked or code))  # whatever is linked to this one is the same dossier, too
            return "linked_duplicates"
        self._add(code, linked, dossier["person_mark"] if dossier["phone"] else None, content)
        return "accepted"


class _Chunk(NamedTuple):
    """A few thousand rows: new dossiers, rows for the quarantine, dossiers that were there with another content."""

    dossiers: list[Values]
    faulty: list[Values]
    repeats: list[tuple[int, Values]]


class _Intake:
    """Sorts the rows of one list into dossiers, duplicates and quarantine, and counts."""

    def __init__(self, judge: Judge, seen: _Seen, staff: frozenset[bytes], *, keep_faulty: bool, system: str) -> None:
        self.judge = judge
        self.seen = seen
        self.staff = staff
        self.keep_faulty = keep_faulty
        self.system = system
        self.counts: Counter[str] = Counter()
        self.units: Counter[tuple[str, str]] = Counter()  # by timing
        self.by_staff: Counter[str] = Counter()
        self.quarantined: list[RowFault] = []
        self.unreadable: list[RowFault] = []
        self.changed: list[RowFault] = []
        self.changed_by: Counter[str] = Counter()
        self.accepted_rows: list[int] = []
        self.unknown: Counter[str] = Counter()
        self.unknown_facts: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def chunks(self, rows: Iterable[Row]) -> Iterator[_Chunk]:
        """Yield the rows sorted, a few thousand at a time."""
        chunk = _Chunk([], [], [])
        for row in rows:
            self.counts["rows"] += 1
            try:
                judged = self.judge.read(row)
            except CellRefused as refused:
                self._set_aside(row, RowFault(row.number, refused.column, refused.flaw), chunk)
            else:
                self._admit(row, judged, chunk)
            if len(chunk.dossiers) + len(chunk.faulty) + len(chunk.repeats) >= CHUNK:
                yield chunk
                chunk = _Chunk([], [], [])
        yield chunk

    def _set_aside(self, row: Row, fault: RowFault, chunk: _Chunk) -> None:
        self.quarantined.append(fault)
        if fault.column == "rated_unit" and len(self.unknown) < MOST_UNKNOWN:
            self.unknown[plain(row.values["rated_unit"])[:LONGEST_NAME]] += 1
        if self.keep_faulty:
            chunk.faulty.append(self.judge.quarantine(fault, row))

    def _admit(self, row: Row, judged: Judged, chunk: _Chunk) -> None:
        dossier = judged.dossier
        kind = self.seen.admit(dossier)
        if kind == "repeats":
            chunk.repeats.append((row.number, dossier))
            kind = "duplicates"
        self.counts[kind] += 1
        if kind != "accepted":
            return
        chunk.dossiers.append(dossier)
        self.accepted_rows.append(row.number)
        self.unreadable += judged.unreadable
        for column in judged.unknown:
            self.unknown_facts[column] += 1
            self.examples.setdefault(column, DIGIT.sub("#", plain(row.values[column]))[:LONGEST_EXAMPLE])
        self.units[dossier["unit_code"], dossier["timing"]] += 1
        if dossier["person_mark"] is None:
            self.counts["without_contact"] += 1
        elif dossier["person_mark"] in self.staff:
            self.by_staff[dossier["unit_code"]] += 1

    def note(self, found: repeats.Settled) -> None:
        """What came of the dossiers that were there with another content."""
        self.counts["completed"] += found.completed
        self.changed += found.changed[: MOST_CHANGED - len(self.changed)]
        self.changed_by.update(fault.column for fault in found.changed)
        self.seen.contents |= found.contents
        self.seen.phones.update(phone for _unit, phone in found.phones)
        self.by_staff.update(unit for unit, phone in found.phones if phone in self.staff)

    def _by_unit(self) -> Iterator[UnitCount]:
        for code in sorted(self.judge.in_wave):
            late, others = self.units[code, "late"], self.units[code, "on_time"] + self.units[code, UNKNOWN]
            yield UnitCount(code, late + others, late, self.by_staff[code])

    def _timed(self, timing: str) -> int:
        return sum(count for (_unit, told), count in self.units.items() if told == timing)

    def _unknown_units(self) -> tuple[UnknownUnit, ...]:
        written = sorted(self.unknown.items(), key=lambda pair: (-pair[1], pair[0]))
        return tuple(UnknownUnit(text, rows, self.judge.suggestions.of(text)) for text, rows in written if text)

    def report(self, wave: Wave, *, imported_before: bool, dry_run: bool) -> FrameReport:
        shared = [count for count in self.seen.phones.values() if count > 1]
        return FrameReport(
            rows=self.counts["rows"],
            accepted=self.counts["accepted"],
            quarantined=tuple(self.quarantined),
            unreadable_contacts=tuple(self.unreadable),
            unknown_facts=tuple(
                UnknownFact(column, rows, self.examples[column]) for column, rows in sorted(self.unknown_facts.items())
            ),
            duplicates=self.counts["duplicates"],
            completed=self.counts["completed"],
            changed=tuple(self.changed),
            changed_by_column=dict(sorted(self.changed_by.items())),
            linked_duplicates=self.counts["linked_duplicates"],
            shared_phones=len(shared),
            shared_phone_dossiers=sum(shared),
            staff_phone_dossiers=self.by_staff.total(),
            without_contact=self.counts["without_contact"],
            outside_period=sum(fault.reason is Flaw.OUTSIDE_PERIOD for fault in self.quarantined),
            late=self._timed("late"),
            on_time=self._timed("on_time"),
            timing_unknown=self._timed(UNKNOWN),
            by_unit=tuple(self._by_unit()),
            unknown_units=self._unknown_units(),
            system=self.system,
            imported_before=imported_before,
            dry_run=dry_run,
        )

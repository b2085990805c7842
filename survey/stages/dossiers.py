"""One row of a dossier list: what it says of a finished dossier, its contacts hidden, or why it cannot be used.

Nothing in a row is corrected; what is read from it serves matching only. A contact or an optional fact that cannot be
read does not spoil the row: it is not known then, and counted. The dossier was finished all the same, and leaving it
out would bend the frame (METHOD section 3). Codes, days and communes must be readable: they say which dossier it is.
"""

from __future__ import annotations

import json
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import cells
from survey.cells import UNREAD, CellRefused, Flaw, RowFault, if_readable, repeated, take_each
from survey.keys import InstallationKey
from survey.model.rater import Rater
from survey.model.staff import Account
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.sheet import Columns, Row
from survey.stages import units, waves
from survey.stages.suggestions import Suggestions

HEADER = (
    "dossier_code", "linked_code", "procedure_code", "procedure_field", "rated_unit", "point_of_service",
    "received_on", "due_on", "finished_on", "outcome", "channel", "applicant", "sex", "birth_year", "commune",
    "phone", "email", "name", "address",
)  # fmt: skip
COLUMNS = Columns(HEADER, frozenset({"dossier_code", "rated_unit", "procedure_field", "finished_on"}))
UNKNOWN = "unknown"
OUTCOMES = {"granted": "granted", "refused": "refused", "withdrawn": "withdrawn", "": UNKNOWN}
CHANNELS = {"counter": "counter", "online": "online", "post": "post", "": UNKNOWN}
APPLICANTS = {"person": "person", "organisation": "organisation", "": UNKNOWN}
SEXES = {"F": "F", "M": "M", "": "U"}
AGE_BANDS = ((60, "60+"), (50, "50-59"), (35, "35-49"), (25, "25-34"), (18, "18-24"))
OLDEST = 120

READ_CODES = {"linked_code": cells.optional(cells.long_code), "dossier_code": cells.required(cells.long_code)}
LONGEST = 200  # names of procedures' fields and of offices are long
READ_FIELD = {"procedure_field": repeated(cells.required(cells.words(LONGEST)))}
READ_DAYS = {
    "finished_on": repeated(cells.required(cells.day)),
    "received_on": repeated(cells.optional(cells.day)),
    "due_on": repeated(cells.optional(cells.day)),
}
READ_FACTS = {
    "outcome": repeated(if_readable(cells.one_of(OUTCOMES))),
    "channel": repeated(if_readable(cells.one_of(CHANNELS))),
    "applicant": repeated(if_readable(cells.one_of(APPLICANTS))),
    "sex": repeated(if_readable(cells.one_of(SEXES))),
    "procedure_code": repeated(if_readable(cells.optional(cells.words(LONGEST)))),
    "point_of_service": repeated(if_readable(cells.optional(cells.words(LONGEST)))),
}
NOT_KNOWN = dict.fromkeys(("outcome", "channel", "applicant", "birth_year"), UNKNOWN) | {"sex": "U"}
READ_CONTACTS = {"phone": cells.optional(cells.phone), "email": cells.optional(cells.email)}

Values = dict[str, Any]


class Judged(NamedTuple):
    """A usable row: the dossier, whose id is drawn when it is stored, and contacts and facts that could not be read."""

    dossier: Values
    unreadable: tuple[RowFault, ...]
    unknown: tuple[str, ...]  # the columns


class Judge:
    """Reads one row at a time against the wave; CellRefused for a row that cannot be used."""

    def __init__(self, session: Session, wave: Wave, installation: InstallationKey) -> None:
        self.wave_id, self.period = wave.id, (wave.period_from, wave.period_to)
        self.installation = installation
        self.rated = {unit.code: unit.rated for unit in session.scalars(select(Unit))}
        self.in_wave = frozenset(unit.code for unit, _target in waves.units_of(session, wave))
        self.communes = units.commune_codes(session)
        self.names = _names(session, self.in_wave)
        self.session = session
        unit, commune = repeated(self._find_unit), repeated(self._find_commune)
        self._read_codes = READ_CODES | {"rated_unit": unit} | READ_FIELD | {"commune": commune}

    def read(self, row: Row) -> Judged:
        if row.fault is not None:
            raise CellRefused(row.fault.reason, row.fault.column)
        codes, days, facts = self._codes(row.values), self._days(row.values), take_each(row.values, READ_FACTS)
        facts["birth_year"] = _age_band(row.values["birth_year"], days["finished_on"].year)
        unknown: tuple[str, ...] = ()
        if UNREAD in facts.values():
            unknown = tuple(column for column, found in facts.items() if found is UNREAD)
            facts |= {column: NOT_KNOWN.get(column) for column in unknown}
        facts["age_band"] = facts.pop("birth_year")
        contacts, unreadable = self._contacts(row)
        return Judged(codes | days | facts | contacts, unreadable, unknown)

    def _codes(self, values: dict[str, str]) -> Values:
        mark, found = self.installation.mark, take_each(values, self._read_codes)
        linked = found["linked_code"]
        return {
            "wave_id": self.wave_id,
            "code_mark": mark("dossier", found["dossier_code"]),
            "linked_mark": mark("dossier", linked) if linked else None,  # a linked code may be another's own code
            "unit_code": found["rated_unit"],
            "field": found["procedure_field"],
            "commune": found["commune"],
        }

    def _days(self, values: dict[str, str]) -> Values:
        finished, received, due = take_each(values, READ_DAYS).values()
        for column, later in (("finished_on", finished), ("due_on", due)):
            if received is not None and later is not None and later < received:
                raise CellRefused(Flaw.BEFORE_START, column)
        if not self.period[0] <= finished <= self.period[1]:
            raise CellRefused(Flaw.OUTSIDE_PERIOD, "finished_on")
        return {
            "finished_on": finished,
            "timing": UNKNOWN if due is None else "late" if finished > due else "on_time",
        }

    @cached_property
    def suggestions(self) -> Suggestions:
        return Suggestions(self.session, self.in_wave)

    def _find_unit(self, text: str) -> str:
        """A unit of the wave by its code, or by its whole name where one alone has it."""
        named = self.names.get(cells.plain(text).casefold(), ())
        if len(named) > 1:
            raise CellRefused(Flaw.AMBIGUOUS_UNIT)
        code = named[0] if named else cells.plain(text)
        if cells.SCIENTIFIC.fullmatch(code):
            raise CellRefused(Flaw.SCIENTIFIC_NUMBER)
        found = units.match(code, self.in_wave)
        if found is not None and self.rated[found]:
            return found
        known = units.match(code, self.rated)
        if known is None:
            raise CellRefused(Flaw.UNKNOWN_UNIT)
        raise CellRefused(Flaw.NOT_IN_WAVE if self.rated[known] else Flaw.NOT_RATED)

    def _find_commune(self, text: str) -> str | None:
        if not text.strip():
            return None
        found = units.match(cells.code(text), self.communes)
        if found is None:
            raise CellRefused(Flaw.UNKNOWN_COMMUNE)
        return found

    def _contacts(self, row: Row) -> tuple[Values, tuple[RowFault, ...]]:
        """The contacts hidden; the person is the phone, else the e-mail. An unreadable contact is not used."""
        unreadable: list[RowFault] = []
        found: dict[str, str | None] = {}
        for column, read in READ_CONTACTS.items():
            try:
                found[column] = read(row.values[column])
            except CellRefused as refused:
                found[column] = None
                unreadable.append(RowFault(row.number, column, refused.flaw))
        mark = self.installation.mark
        hidden = {
            "person_mark": next((mark(column, text) for column, text in found.items() if text), None),
            "phone": self._hidden(found["phone"]),
            "email": self._hidden(found["email"]),
            "name": self._hidden(row.values["name"].strip()),
            "address": self._hidden(row.values["address"].strip()),
        }
        return hidden, tuple(unreadable)

    def _hidden(self, text: str | None) -> bytes | None:
        return self.installation.hide(text) if text else None

    def quarantine(self, fault: RowFault, row: Row) -> Values:
        content = self.installation.hide(json.dumps(row.values))
        return {"row": fault.row, "column": fault.column, "reason": fault.reason.value, "content": content}


def _names(session: Session, codes: frozenset[str]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for unit in session.scalars(select(Unit).where(Unit.code.in_(codes)).order_by(Unit.code)):
        names.setdefault(cells.plain(unit.name_vi).casefold(), []).append(unit.code)
    return names


@lru_cache(maxsize=cells.CACHED)
def _age_band(text: str, year: int) -> str | object:
    """The age in the year of finishing, by a year or a day of birth; nobody under 18 has a band."""
    found = cells.plain(text)
    if not found:
        return UNKNOWN
    born = _year_of(found)
    age = year - born if born else -1
    if not 0 <= age <= OLDEST:
        return UNREAD
    return next((band for least, band in AGE_BANDS if age >= least), UNKNOWN)


def _year_of(text: str) -> int | None:
    if len(text) == 4 and text.isascii() and text.isdecimal():
        return int(text)
    try:
        return cells.day(text).year
    except CellRefused:
        return None


def staff_marks(session: Session, installation: InstallationKey) -> frozenset[bytes]:
    """The person marks of officials on a list and of interviewers who gave a phone: such a dossier was likely filed for
    another."""
    phones = session.scalars(select(Rater.phone).where(Rater.phone.is_not(None)))
    interviewers = session.scalars(select(Account.phone_mark).where(Account.phone_mark.is_not(None)))
    officials = (installation.mark("phone", installation.reveal(phone)) for phone in phones if phone)
    return frozenset({*officials, *(mark for mark in interviewers if mark)})

"""The officials' list (danh sách cán bộ, công chức đánh giá): who judges which units; taken whole or not at all.

Ten raters at least must be able to judge whatever units stand on a form, or these would tell who filled it in: raters
of a group who share a list of units, less those who work at the units judged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import cells, sheet
from survey.cells import CellRefused, Flaw, RowFault, RowsRefused, take
from survey.errors.common import GroupTooSmall, WrongAudience, WrongState
from survey.keys import InstallationKey
from survey.model.base import new_id
from survey.model.invitation import Invitation
from survey.model.rater import Rater
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.sheet import Columns, Row
from survey.stages import audit, units, waves

HEADER = ("rater_code", "group", "agency", "email", "phone", "rates")
COLUMNS = Columns(HEADER, frozenset({"rater_code", "group", "agency", "rates"}))
OFFICIALS = "officials"
ALL = "*"
FEWEST = 10  # raters who share a group and a list of units
GROUP = re.compile(r"[A-Za-z0-9_-]{1,40}")
SEPARATORS = re.compile(r"[\s;,]+")

Values = dict[str, Any]


@dataclass(frozen=True)
class RatersReport:
    """What an officials' list held, against what was there."""

    rows: int
    created: int
    updated: int
    unchanged: int
    by_group: tuple[tuple[str, int], ...]  # all raters of the wave, this list included
    without_contact: int
    shared_contacts: int  # e-mails and phones that several raters of the list have
    dry_run: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "by_group": dict(self.by_group),
            "without_contact": self.without_contact,
            "shared_contacts": self.shared_contacts,
            "dry_run": self.dry_run,
        }


def import_raters(
    session: Session,
    wave: Wave,
    file: Path,
    *,
    installation: InstallationKey,
    actor: str,
    now: datetime,
    dry_run: bool = False,
) -> RatersReport:
    """Take an officials' list whole; known rater codes are brought up to date, raters that it does not name stay.

    RowsRefused names every flaw by row and column; GroupTooSmall names a group in which somebody could be told apart.
    """
    _require_open_list(session, wave)
    listed = _read_rows(sheet.read(file, COLUMNS), _Reader(session, wave))
    stored = {rater.code_mark: rater for rater in session.scalars(select(Rater).where(Rater.wave_id == wave.id))}
    marked = {installation.mark("rater", values["rater_code"]): values for values in listed}
    by_group = _require_company(session, wave, stored, marked)
    new = marked.keys() - stored.keys()
    changed = {mark for mark in marked.keys() & stored.keys() if _differs(stored[mark], marked[mark], installation)}
    report = RatersReport(
        rows=len(listed),
        created=len(new),
        updated=len(changed),
        unchanged=len(listed) - len(new) - len(changed),
        by_group=tuple(sorted(by_group.items())),
        without_contact=sum(values["email"] is None and values["phone"] is None for values in listed),
        shared_contacts=_shared_contacts(listed),
        dry_run=dry_run,
    )
    if not dry_run and (new or changed):
        _store(session, wave, {mark: marked[mark] for mark in new | changed}, stored, installation)
        detail = {"digest": sheet.digest(file), **report.as_dict()}
        audit.record(session, actor=actor, action="officials.import", subject=wave.code, detail=detail, now=now)
    return report


def _require_open_list(session: Session, wave: Wave) -> None:
    """Raters join an officials' wave in draft, before links are issued: the groups are counted then."""
    waves.require(wave, *waves.COMING)
    if wave.audience != OFFICIALS:
        raise WrongAudience(wave=wave.code, audience=wave.audience, needed=OFFICIALS)
    if session.scalars(select(Invitation.id).where(Invitation.wave_id == wave.id).limit(1)).first() is not None:
        raise WrongState(wave=wave.code, state="invited", needed="not invited")


def _require_company(
    session: Session, wave: Wave, stored: dict[bytes, Rater], marked: dict[bytes, Values]
) -> Counter[str]:
    """The raters of each group, once behind every form that may come from it there are enough of them."""
    merged = {mark: (rater.group, rater.rates, rater.agency) for mark, rater in stored.items()}
    merged |= {mark: (values["group"], values["rates"], values["agency"]) for mark, values in marked.items()}
    sharing: dict[tuple[str, frozenset[str]], Counter[str]] = {}
    for group, rates, agency in merged.values():
        sharing.setdefault((group, frozenset(rates)), Counter())[agency] += 1
    everything, block = frozenset(unit.code for unit, _target in waves.units_of(session, wave)), wave.settings["block"]
    fewest = [
        (company(agencies, everything if ALL in rates else rates, block), group)
        for (group, rates), agencies in sharing.items()
    ]
    for raters, group in sorted(fewest):
        if raters < FEWEST:
            raise GroupTooSmall(group=group, raters=raters)
    return Counter(group for group, _rates, _agency in merged.values())


def company(agencies: Counter[str], judged: frozenset[str], block: int) -> int:
    """The fewest raters who may stand behind a form: all who share the list, less those who work where it judges."""
    largest = Counter({agency: count for agency, count in agencies.items() if agency in judged}).most_common(block + 1)
    return agencies.total() - max(
        sum([count for agency, count in largest if agency != own][:block]) for own in agencies
    )


def _shared_contacts(listed: list[Values]) -> int:
    counts = Counter(values[column] for values in listed for column in ("email", "phone") if values[column] is not None)
    return sum(count > 1 for count in counts.values())


def _differs(rater: Rater, values: Values, installation: InstallationKey) -> bool:
    def shown(blob: bytes | None) -> str | None:
        return None if blob is None else installation.reveal(blob)

    told = (rater.group, rater.agency, rater.rates, shown(rater.email), shown(rater.phone))
    return told != (values["group"], values["agency"], values["rates"], values["email"], values["phone"])


def _store(
    session: Session, wave: Wave, chosen: dict[bytes, Values], stored: dict[bytes, Rater], installation: InstallationKey
) -> None:
    for mark, values in chosen.items():
        rater = stored.get(mark) or Rater(id=new_id(), wave_id=wave.id, code_mark=mark)
        rater.group, rater.agency, rater.rates = values["group"], values["agency"], values["rates"]
        rater.email = None if values["email"] is None else installation.hide(values["email"])
        rater.phone = None if values["phone"] is None else installation.hide(values["phone"])
        session.add(rater)
    session.flush()


# --- reading


def _read_rows(rows: Iterable[Row], reader: _Reader) -> list[Values]:
    """Read every row; RowsRefused with all flaws found."""
    faults: list[RowFault] = []
    listed: dict[str, Values] = {}
    for row in rows:
        values, found = reader.read(row)
        faults += found
        code = values.get("rater_code")
        if code is not None and code in listed:
            faults.append(RowFault(row.number, "rater_code", Flaw.DUPLICATE))
        elif code is not None:
            listed[code] = values
    if faults:
        raise RowsRefused(tuple(faults))
    return list(listed.values())


class _Reader:
    """Reads one row of the list against the wave's units."""

    def __init__(self, session: Session, wave: Wave) -> None:
        rated = waves.units_of(session, wave)
        self.rated = {unit.code: unit.rated for unit in session.scalars(select(Unit))}
        self.in_wave = frozenset(unit.code for unit, _target in rated)
        names = [(name.casefold(), unit.code) for unit, _target in rated for name in {unit.name_vi, unit.name_en}]
        self.named = Counter(name for name, _code in names)
        self.code_of_name = dict(names)
        self.readers: dict[str, Callable[[str], object]] = {
            "rater_code": cells.required(cells.long_code),
            "group": cells.required(_group),
            "agency": self._agency,
            "email": cells.optional(cells.email),
            "phone": cells.optional(cells.phone),
            "rates": cells.required(self._rates),
        }

    def read(self, row: Row) -> tuple[Values, list[RowFault]]:
        """Every column that can be read, and the flaws of the others."""
        if row.fault is not None:
            return {}, [row.fault]
        values: Values = {}
        faults: list[RowFault] = []
        for column, read in self.readers.items():
            try:
                values[column] = take(row.values, column, read)
            except CellRefused as refused:
                faults.append(RowFault(row.number, column, refused.flaw))
        if values.get("rates") == [values.get("agency")]:
            faults.append(RowFault(row.number, "rates", Flaw.NOTHING_TO_RATE))
        return values, faults

    def _agency(self, text: str) -> str:
        """A unit by code or name, so that nobody judges the own one; any other agency as it is called."""
        found = cells.plain(text)
        code = units.match(found, self.rated)
        if code is not None:
            return code
        if self.named[found.casefold()] > 1:
            raise CellRefused(Flaw.AMBIGUOUS_UNIT)
        if found.casefold() in self.code_of_name:
            return self.code_of_name[found.casefold()]
        return cells.label(60)(found) if found else ""

    def _rates(self, text: str) -> list[str]:
        """`*`, or the codes of units of the wave, each once, in the order of the file."""
        words = list(dict.fromkeys(word for word in SEPARATORS.split(cells.plain(text)) if word))
        if ALL in words or not words:
            if words != [ALL]:
                raise CellRefused(Flaw.BAD_LIST)
            return words
        return list(dict.fromkeys(self._judged(words)))

    def _judged(self, words: list[str]) -> Iterator[str]:
        for word in words:
            known = units.match(cells.code(word), self.rated)
            if known is None:
                raise CellRefused(Flaw.UNKNOWN_UNIT)
            if known not in self.in_wave:
                raise CellRefused(Flaw.NOT_IN_WAVE)
            if not self.rated[known]:
                raise CellRefused(Flaw.NOT_RATED)
            yield known


def _group(text: str) -> str:
    found = cells.plain(text)
    if not GROUP.fullmatch(found):
        raise CellRefused(Flaw.BAD_CODE)
    return found

"""Dossiers that come again and say something else: what was missing is filled, what contradicts is named and left.

A row that contradicts fills nothing: it may be of another dossier, or its contact another person's. Until the draw a
newer list may bring a contact, or a fact, that an older one lacked; the coverage note is signed after.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from survey.cells import Flaw, RowFault, plain
from survey.keys import InstallationKey
from survey.model.frame import Dossier
from survey.model.wave import Wave
from survey.stages.dossiers import UNKNOWN, Values

SAME = {
    "unit_code": "rated_unit",
    "field": "procedure_field",
    "finished_on": "finished_on",
    "linked_mark": "linked_code",
}
FACTS = {
    "procedure_code": "procedure_code", "point_of_service": "point_of_service", "commune": "commune",
    "timing": "due_on", "outcome": "outcome", "channel": "channel", "applicant": "applicant", "sex": "sex",
    "age_band": "birth_year",
}  # fmt: skip
NOT_KNOWN = frozenset({None, UNKNOWN, "U"})
CONTACTS = ("phone", "email", "name", "address")
CONTENT = (*SAME, *FACTS, "person_mark")
content_of = itemgetter(*CONTENT)


@dataclass
class Settled:
    """Dossiers completed, rows that contradict, what stands behind the codes now, and phones that came in, by unit."""

    completed: int = 0
    changed: list[RowFault] = field(default_factory=list)
    contents: dict[bytes, int] = field(default_factory=dict)
    phones: list[tuple[str, bytes]] = field(default_factory=list)


def settle(session: Session, wave: Wave, rows: list[tuple[int, Values]], installation: InstallationKey) -> Settled:
    """Complete the stored dossiers by rows of the same codes; each row that says otherwise is named."""
    found = Settled()
    if not rows:
        return found
    stored = _stored(session, wave, [new["code_mark"] for _number, new in rows])
    filled: dict[bytes, Values] = {}
    for number, new in rows:
        old = stored[new["code_mark"]]
        column = _contradicted(old, new) or _another_person(old, new, installation)
        if column:
            found.changed.append(RowFault(number, column, Flaw.CHANGED))
            continue
        missing = _missing(old, new)
        if missing:
            if new["phone"] and not old["phone"]:
                found.phones.append((old["unit_code"], new["person_mark"]))
            old |= missing
            filled[old["id"]] = old
            found.contents[new["code_mark"]] = hash(content_of(old))
    found.completed = len(filled)
    _write(session, list(filled.values()))
    return found


def _stored(session: Session, wave: Wave, codes: list[bytes]) -> dict[bytes, Values]:
    columns = [getattr(Dossier, name) for name in ("id", "code_mark", *CONTENT, *CONTACTS)]
    rows = session.execute(select(*columns).where(Dossier.wave_id == wave.id, Dossier.code_mark.in_(codes)))
    return {row.code_mark: dict(row._mapping) for row in rows}


def _contradicted(old: Values, new: Values) -> str:
    """The column of the first thing that both say and say differently; a thing left out contradicts nothing."""
    for name, column in (SAME | FACTS).items():
        if old[name] != new[name] and new[name] not in NOT_KNOWN and (name in SAME or old[name] not in NOT_KNOWN):
            return column
    return ""


def _another_person(old: Values, new: Values, installation: InstallationKey) -> str:
    """The column that shows two persons: their phones, else an e-mail or a name that both rows have."""
    if old["phone"] and new["phone"]:
        return "phone" if old["person_mark"] != new["person_mark"] else ""
    for column in ("email", "name"):
        told = [plain(installation.reveal(one[column])).casefold() for one in (old, new) if one[column]]
        if len(set(told)) > 1:
            return column
    return ""


def _missing(old: Values, new: Values) -> Values:
    """What the new row says and the old one did not: facts, and a phone, or an e-mail where there was no contact."""
    found = {name: new[name] for name in FACTS if old[name] in NOT_KNOWN and new[name] not in NOT_KNOWN}
    if new["person_mark"] is not None and (old["person_mark"] is None or (new["phone"] and not old["phone"])):
        found |= {name: old[name] or new[name] for name in CONTACTS} | {"person_mark": new["person_mark"]}
    return found


def _write(session: Session, dossiers: list[Values]) -> None:
    if not dossiers:
        return
    table, names = cast(Table, Dossier.__table__), (*FACTS, *CONTACTS, "person_mark")
    change = (
        update(table).where(table.c.id == bindparam("at")).values({name: bindparam(f"to_{name}") for name in names})
    )
    rows = [{"at": one["id"]} | {f"to_{name}": one[name] for name in names} for one in dossiers]
    session.connection().execute(change, rows)

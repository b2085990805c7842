"""What a dossier list held and what a frame covers, as sentences in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from survey.cells import RowFault
from survey.i18n import Translator
from survey.i18n import mark as _n
from survey.sentences.refusals import row_sentence


class ImportReport(Protocol):
    """What this room needs to know of a frame report."""

    @property
    def quarantined(self) -> Sequence[RowFault]: ...

    @property
    def changed(self) -> Sequence[RowFault]: ...

    @property
    def changed_by_column(self) -> Mapping[str, int]: ...

    @property
    def unknown_units(self) -> Sequence[Unknown]: ...

    @property
    def unknown_facts(self) -> Sequence[Unclear]: ...

    def counts(self) -> Mapping[str, object]: ...


COUNTS = {
    "rows": _n("rows in the list"),
    "accepted": _n("dossiers taken in"),
    "quarantined": _n("rows set aside"),
    "duplicates": _n("dossiers that came again"),
    "completed": _n("dossiers that came again and were completed"),
    "changed": _n("dossiers that came again and say something else"),
    "linked_duplicates": _n("linked dossiers counted once already"),
    "shared_phones": _n("phones shared by several dossiers"),
    "shared_phone_dossiers": _n("dossiers behind shared phones"),
    "staff_phone_dossiers": _n("dossiers under a phone of staff (officials' lists, interviewers)"),
    "without_contact": _n("dossiers without a phone or e-mail"),
    "unreadable_contacts": _n("phones or e-mails that cannot be used"),
    "unreadable_facts": _n("facts that cannot be read, kept as not known"),
    "outside_period": _n("dossiers finished outside the period"),
    "late": _n("late"),
    "on_time": _n("on time"),
    "timing_unknown": _n("on time or late: not known"),
}


OF_ONE_LIST = frozenset({"rows", "accepted", "duplicates", "completed", "changed"})  # say nothing of the frame
NOTED = {name: COUNTS[name] for name in COUNTS if name not in OF_ONE_LIST} | {"dossiers": _n("dossiers in the frame")}


def quarantine_sentences(report: ImportReport, reader: Translator) -> list[str]:
    """The report of a dossier list: its counts, then each row that was set aside."""
    counts = report.counts()
    lines = [f"{reader.gettext(text)}: {counts[name]}" for name, text in COUNTS.items()]
    for fact in report.unknown_facts:
        said = reader.gettext('Column %(column)s: %(rows)s dossiers hold what cannot be read, as "%(example)s"')
        lines.append(said % {"column": fact.column, "rows": fact.rows, "example": fact.example})
    for one in report.unknown_units:
        meant = ", ".join(one.suggestions) or "?"
        text = reader.gettext('Unit "%(written)s" in %(rows)s rows: none of this wave. Meant may be: %(meant)s')
        lines.append(text % {"written": one.written, "rows": one.rows, "meant": meant})
    lines += changed_sentences(report.changed_by_column, reader)
    return [*lines, *(row_sentence(fault, reader) for fault in (*report.quarantined, *report.changed))]


def changed_sentences(by_column: Mapping[str, int], reader: Translator) -> list[str]:
    """How many dossiers say something else in each column; the report names only the first rows."""
    text = reader.gettext("Column %(column)s: %(rows)s dossiers say something else than an earlier list")
    return [text % {"column": column, "rows": rows} for column, rows in by_column.items()]


class Unknown(Protocol):
    """A unit's name that is none of the wave's."""

    @property
    def written(self) -> str: ...

    @property
    def rows(self) -> int: ...

    @property
    def suggestions(self) -> Sequence[str]: ...


class Unclear(Protocol):
    """A column in which something stands that cannot be read."""

    @property
    def column(self) -> str: ...

    @property
    def rows(self) -> int: ...

    @property
    def example(self) -> str: ...


class CoverageNote(Protocol):
    """What this room needs to know of a coverage note."""

    def as_dict(self) -> dict[str, Any]: ...


REMARKS = {
    "nothing": _n("no dossier: ask the unit's office"),
    "no_contacts": _n("more than half without a phone or e-mail"),
    "fewer": _n("less than half of last year's"),
    "more": _n("more than twice last year's"),
}


def coverage_sentences(note: CoverageNote, reader: Translator) -> list[str]:
    """The coverage note: its sums, each unit against the year before, and who signed."""
    told = note.as_dict()
    lines = [f"{reader.gettext(text)}: {told['counts'].get(name, told.get(name, '-'))}" for name, text in NOTED.items()]
    for one in told["units"]:
        asked = REMARKS.get(one["remark"])
        remark = reader.gettext(asked) if asked else ""
        last = "-" if one["last"] is None else one["last"]
        lines.append(f"{one['unit']:<14} {one['dossiers']:>8} {last:>8}  {remark}".rstrip())
    signed = told["signed_by"]
    state = reader.gettext("Signed by %(name)s") % {"name": signed} if signed else reader.gettext("Not signed yet")
    return [*lines, state]


def plan_sentences(rows: Sequence[Mapping[str, Any]], reader: Translator) -> list[str]:
    """A plan as a table: dossiers, answers wanted, invitations, half-width then and with thirty answers."""
    head = (
        reader.gettext("unit"), reader.gettext("dossiers"), reader.gettext("answers"), reader.gettext("invitations"),
        reader.gettext("± points"), reader.gettext("± with 30"),
    )  # fmt: skip
    names = ("unit", "dossiers", "answers_wanted", "invitations", "index_half_width", "thirty_half_width")
    lines = [f"{head[0]:<14}" + "".join(f" {one:>12}" for one in head[1:])]
    lines += [f"{row['unit']:<14}" + "".join(f" {row[name]:>12}" for name in names[1:]) for row in rows]
    sums = (sum(row[name] for row in rows) for name in names[1:4])
    return [*lines, f"{'':<14}" + "".join(f" {one:>12}" for one in sums)]

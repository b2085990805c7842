"""Which rows a seal holds: every table is named here, with its rows that may not change later, or why it is left out.

What a page, a report or an export of a sealed wave reads is held; a new table must be put into one of the two lists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Table, and_, or_, select
from sqlalchemy.orm import Session

from survey.model.approval import Approval
from survey.model.base import Base
from survey.model.door import DoorCount
from survey.model.frame import FrameFile, FrameNote
from survey.model.interview import FieldTally
from survey.model.progress import CellCount, DayCount, Replicate
from survey.model.quota import QuotaCell
from survey.model.recontact import RecontactTally
from survey.model.release import Complaint, Release
from survey.model.response import Answer, Facts, Judgement, OrderCount, Tally
from survey.model.result import Description, Figure, InputFigure, Run
from survey.model.review import FlaggedAnswer, Screening, ScreeningCase, ScreeningFinding
from survey.model.sample import ClassCell, Draw, SamplePlan
from survey.model.staff import Account
from survey.model.topup import TopUp
from survey.model.wave import Wave, WaveScheme, WaveUnit
from survey.stages import plans, releases


@dataclass(frozen=True)
class Moment:
    """What a seal is of, and when it was made; `let_out` are the subjects of all releases until then."""

    wave: Wave
    run: Run
    release: Release
    at: datetime
    let_out: tuple[str, ...]


def moment(session: Session, wave: Wave, run: Run, release: Release, at: datetime) -> Moment:
    out = session.scalars(select(Release).where(_out_until(wave, release)))
    return Moment(wave, run, release, at, tuple(releases.subject(one) for one in out))


Rows = Callable[[Moment], ColumnElement[bool]]


@dataclass(frozen=True)
class Held:
    """The rows of a table that may not change after a seal, but for `free` columns.

    `always`: a seal that another one replaced holds them too; what it was made from may have been corrected since.
    """

    model: type[Base]
    rows: Rows
    free: frozenset[str] = frozenset()
    always: bool = False

    @property
    def table(self) -> Table:
        return cast(Table, self.model.__table__)

    @property
    def columns(self) -> list[str]:
        return [column.name for column in self.table.columns if column.name not in self.free]

    @property
    def name(self) -> str:
        return self.table.name


def _of_wave(model: type[Base]) -> Held:
    return Held(model, lambda of: model.__table__.c.wave_id == of.wave.id)


def _runs(of: Moment) -> ColumnElement[bool]:
    return and_(Run.wave_id == of.wave.id, Run.made_at <= of.run.made_at)


def _of_runs(model: type[Base]) -> Held:
    return Held(model, lambda of: model.__table__.c.run_id.in_(select(Run.id).where(_runs(of))), always=True)


def _screenings(of: Moment) -> ColumnElement[bool]:
    return and_(Screening.wave_id == of.wave.id, Screening.made_at <= of.at)


def _of_screenings(model: type[Base]) -> Held:
    mine = model.__table__.c.screening_id
    return Held(model, lambda of: mine.in_(select(Screening.id).where(_screenings(of))))


def _out_until(wave: Wave, release: Release) -> ColumnElement[bool]:
    """What was let out until the sealed figures were; later steps belong to a later seal."""
    return and_(Release.wave_id == wave.id, Release.released_at <= release.released_at)


def _releases(of: Moment) -> ColumnElement[bool]:
    return _out_until(of.wave, of.release)


def _complaints(of: Moment) -> ColumnElement[bool]:
    """Those about the provisional figures before the sealed ones, and what was decided of older ones by then; final
    figures have none."""
    out = select(Release.id).where(_releases(of))
    final = out.where(Release.step == releases.Step.FINAL.value)
    last = out.where(Release.step == releases.Step.PROVISIONAL.value)
    last = last.order_by(Release.proposed_at.desc(), Release.id).limit(1)
    decided = and_(Complaint.release_id.in_(out), Complaint.decided_at <= of.release.proposed_at)
    return or_(Complaint.release_id.in_(last), Complaint.release_id.in_(final), decided)


def _approvals(of: Moment) -> ColumnElement[bool]:
    """Who signed the releases, and what two offices said of the plan and of suspicious answers."""
    about = or_(
        Approval.subject.in_(of.let_out),
        Approval.subject.startswith(f"review:{of.wave.code}:", autoescape=True),
        Approval.subject == plans.subject(of.wave),
    )
    return and_(about, Approval.given_at <= of.at)


def _accounts(of: Moment) -> ColumnElement[bool]:
    return Account.id.in_(select(Approval.account_id).where(_approvals(of)))


HELD: tuple[Held, ...] = (
    Held(Wave, lambda of: Wave.id == of.wave.id, free=frozenset({"state", "documents"})),
    *map(_of_wave, (
        WaveScheme, WaveUnit, Draw, SamplePlan, ClassCell, CellCount, DayCount, Tally, OrderCount, DoorCount,
        FieldTally, RecontactTally, TopUp, Replicate, FrameFile, FrameNote, InputFigure, Answer, Judgement, Facts,
    )),
    Held(QuotaCell, lambda of: QuotaCell.wave_id == of.wave.id, free=frozenset({"taken", "last_at"})),
    Held(Screening, _screenings),
    *map(_of_screenings, (ScreeningCase, ScreeningFinding, FlaggedAnswer)),
    Held(Run, _runs, always=True),
    *map(_of_runs, (Figure, Description)),
    Held(Release, _releases, always=True),
    Held(Complaint, _complaints, always=True),
    Held(Approval, _approvals),
    Held(Account, _accounts, free=frozenset(Account.__table__.c.keys()) - {"id", "email"}),
)  # fmt: skip

FREE = {  # why a column of a held table is left out
    "wave.state": "a wave is sealed and later purged; the check looks at it by itself",
    "wave.documents": "later decisions are added at the end; those of the seal must still stand before them",
    "quota_cell.taken": "a place that nobody holds any more is given back by the purge",
    "quota_cell.last_at": "only until the close",
    "account": "people move and change their name; an approval keeps the agency as it stood on that day",
}

LEFT_OUT = {  # why a table is under no seal of a wave
    "account_link": "sign-in, for hours or days",
    "account_role": "roles are given and taken; releases keep who signed",
    "api_key": "keys of programs come and go",
    "assignment": "emptied at the close",
    "audit_entry": "the chain of hashes holds it, from the sealed head on by later heads",
    "dossier": "deleted at the close, or at its date",
    "draft": "emptied at the close",
    "feedback": "released or withheld by the office at any time, deleted at its date",
    "frame_upload": "deleted at its date; what was taken stands in frame_file",
    "frame_upload_part": "goes when the list was read",
    "hook_cursor": "moves with every entry of the log",
    "index_figure": "the seal of the year's index holds it",
    "index_input": "the seal of the year's index holds it",
    "index_run": "the seal of the year's index holds it",
    "index_seal": "the seal of the year's index holds it",
    "index_seal_part": "the seal of the year's index holds it",
    "index_sheet": "the seal of the year's index holds it",
    "invitation": "emptied at the close",
    "known_device": "sign-in, until its date",
    "message": "emptied at the close",
    "message_budget": "money for messages, settled after the close; no figure rests on it",
    "opt_out": "grows for ever, of no wave",
    "outside_figure": "figures of others, imported and corrected at any time; part of no score",
    "paper_sheet": "emptied at the close",
    "quarantined_row": "deleted at its date",
    "rater": "emptied at the close",
    "receipt": "its number and fingerprint stand in the signed statement",
    "recontact": "emptied at the close",
    "reservation": "a held place, for half an hour",
    "sampled_dossier": "emptied at the close",
    "scheme_trial": "a dry run, made at any time; no figure of the wave",
    "scheme_version": "versions of the province's schemes; a wave keeps its own text in wave_scheme",
    "seal": "its statement is the bundle's, the rest has marks of its own in the inventory",
    "seal_part": "the stored bundle is checked whole against its own seal",
    "second_factor": "sign-in",
    "spare_code": "sign-in",
    "spent_mark": "emptied at the close",
    "spooled": "emptied at the close",
    "sso_identity": "sign-in",
    "staff_session": "sign-in, for hours",
    "submission": "emptied at the close",
    "task": "how far a computation is",
    "unit": "renamed and merged by later imports, which the log tells; what a page shows is held by the manifest",
    "waiting_match": "emptied at the close",
    "waiting_receipt": "emptied at the close",
}

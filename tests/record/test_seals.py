"""Releases by two agencies, and the seal after them: once, with all that it was made from, and what comes later."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import make_transient

from survey.config import PROVINCE_TIME
from survey.custody import bundles, checking
from survey.custody.broken import BundleBroken
from survey.db import Database
from survey.errors.common import LinkClosed, ScoresOutdated, WrongState
from survey.errors.seals import (
    AlreadySealed,
    ComplaintsOpen,
    NothingToReplace,
    NotReleased,
    NotScreened,
    NotYours,
    WindowClosed,
    WindowOpen,
)
from survey.errors.staff import ApprovalsMissing
from survey.jobs import against, close, recompute, score, screen, seal
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.model.release import Release
from survey.model.result import Run
from survey.model.staff import Account, AccountRole
from survey.stages import approvals, audit, complaints, openings, releases, responses, results, seals, waves
from survey.stages.releases import Step

WAVE = "2026-citizens"
DOCUMENT = "12/QĐ-SNV, 05/8/2026, Giám đốc"
LEAD, OVERSIGHT, OFFICE = "snv@example.vn", "mttq@example.vn", "vien@example.vn"


def people(database: Database, now: datetime) -> None:
    """Home Affairs, which is rated itself; the Fatherland Front; the institute that surveyed."""
    told = {
        LEAD: ("lead_agency", "Sở Nội vụ", "98-01"),
        OVERSIGHT: ("oversight", "Ủy ban Mặt trận Tổ quốc", None),
        OFFICE: ("survey_office", "Viện Nghiên cứu phát triển", None),
    }
    with database.begin() as session:
        for email, (role, agency, unit) in told.items():
            account = Account(
                email=email, name=email, agency=agency, unit_code=unit, password_hash="x", active=True, failures=0,
                locked_until=None, created_at=now,
            )  # fmt: skip
            session.add(account)
            session.flush()
            session.add(AccountRole(account_id=account.id, role=role))


@pytest.fixture
def closed(database: Database, keys: Keys, now: datetime, go_to_the_field: Callable[..., Any]) -> Callable[[], Run]:
    """A closed wave, screened; each call computes one more run."""
    go_to_the_field(database, keys, now)
    people(database, now)
    close.run(database, keys, WAVE, actor="test", now=now)
    screen.run(database, WAVE, actor="test", now=now)
    moments = iter(now + timedelta(minutes=minute) for minute in range(1, 99))
    return lambda: score.run(database, WAVE, actor="test", now=next(moments))


def let_out(database: Database, run: Run, step: Step, now: datetime, *, days: int = 7, sign: bool = True) -> None:
    with database.begin() as session:
        wave = waves.hold(session, WAVE)
        release = releases.propose(
            session,
            wave,
            run,
            step,
            document=DOCUMENT,
            by=LEAD,
            now=now,
            complaints_until=(now + timedelta(days=days)).astimezone(PROVINCE_TIME),
        )
        if sign:
            assert releases.sign(session, wave, release, document=DOCUMENT, by=OVERSIGHT, now=now)


def sealed(database: Database, keys: Keys, run: Run, now: datetime, reason: str | None = None) -> Any:
    let_out(database, run, Step.PROVISIONAL, now)
    later = now + timedelta(days=8)
    let_out(database, run, Step.FINAL, later)
    return seal.run(database, keys, WAVE, actor=LEAD, now=later, reason=reason)


def written(database: Database, folder: Path, number: int | None = None) -> Path:
    path = folder / f"seal-{number}.zip"
    with database.read() as session, path.open("wb") as stream:
        seals.write(session, seals.find(session, waves.find(session, WAVE), number), stream)
    return path


def test_what_two_agencies_let_out_is_sealed_and_verifies_and_computes_again(
    database: Database, keys: Keys, now: datetime, closed: Callable[[], Run], tmp_path: Path
) -> None:
    run = closed()
    made = sealed(database, keys, run, now)
    public = keys.sealing.public_key().public_bytes_raw()
    with bundles.opened(written(database, tmp_path)) as bundle:
        told = checking.check(bundle, public=public).statement
        assert recompute.run(bundle.folder, bundle=bundle.name) > 0
        assert {"scores.json", "scores.csv", "scores.xlsx", "decisions.json", "extract/answers.csv"} < set(bundle.names)
        answers = len((bundle.folder / "extract" / "answers.csv").read_text(encoding="utf-8").splitlines()) - 1
    assert told is not None
    assert (told["number"], told["document"], told["previous"], told["reason"]) == (1, DOCUMENT, None, None)
    assert sorted(one["rated"] for one in told["signed"]) == [False, True]
    assert told["receipts"]["codes"] == answers, "anybody may count both"
    with database.read() as session:
        wave = waves.find(session, WAVE)
        assert wave.state == waves.SEALED
        assert results.latest(session, wave).id == run.id
        head = audit.verify(session, signed=audit.Head(told["audit"]["count"], bytes.fromhex(told["audit"]["hash"])))
        assert head.count == told["audit"]["count"] + 1
    assert made.digest == sha256(made.statement.encode()).hexdigest()
    assert not keys.has_wave(made.wave_id)


def test_a_seal_needs_the_release_of_two_agencies_and_a_release_its_order(
    database: Database, keys: Keys, now: datetime, closed: Callable[[], Run]
) -> None:
    run = closed()
    with pytest.raises(NotReleased):
        seal.run(database, keys, WAVE, actor=LEAD, now=now)
    with pytest.raises(NotReleased):  # a real wave hears complaints first
        let_out(database, run, Step.FINAL, now)
    let_out(database, run, Step.PROVISIONAL, now, sign=False)
    with pytest.raises(NotReleased):  # one signature lets nothing out
        let_out(database, run, Step.FINAL, now)
    soon = now + timedelta(minutes=1)
    let_out(database, run, Step.PROVISIONAL, soon)
    with pytest.raises(WindowOpen):
        let_out(database, run, Step.FINAL, soon)
    later = now + timedelta(days=8)
    let_out(database, run, Step.FINAL, later, sign=False)
    with pytest.raises(NotReleased):
        seal.run(database, keys, WAVE, actor=LEAD, now=later)
    with database.begin() as session:  # who surveyed signs nothing
        wave = waves.hold(session, WAVE)
        pending = releases.pending(session, wave, Step.FINAL)
        assert pending is not None
        with pytest.raises(NotYours):
            releases.sign(session, wave, pending, document=DOCUMENT, by=OFFICE, now=later)


def test_nothing_is_let_out_before_suspicious_answers_were_looked_for(
    database: Database, keys: Keys, now: datetime, go_to_the_field: Callable[..., Any]
) -> None:
    go_to_the_field(database, keys, now)
    people(database, now)
    close.run(database, keys, WAVE, actor="test", now=now)
    run = score.run(database, WAVE, actor="test", now=now)
    with pytest.raises(NotScreened):
        let_out(database, run, Step.PROVISIONAL, now)


def test_a_run_from_other_figures_is_neither_let_out_nor_sealed(
    database: Database, keys: Keys, now: datetime, closed: Callable[[], Run]
) -> None:
    run = closed()
    let_out(database, run, Step.PROVISIONAL, now)
    later = now + timedelta(days=8)
    let_out(database, run, Step.FINAL, later)
    correct(database, later)
    with pytest.raises(ScoresOutdated):
        seal.run(database, keys, WAVE, actor=LEAD, now=later)
    with pytest.raises(ScoresOutdated):
        let_out(database, run, Step.FINAL, later)


def correct(database: Database, now: datetime) -> None:
    with database.begin() as session:
        figure = {"unit": "98-01", "code": "1.1.1", "value": Decimal("0.5"), "source": "12/BC-SNV", "actor": LEAD}
        results.set_input(session, waves.find(session, WAVE), **figure, now=now)


def test_an_error_found_later_makes_a_new_seal_and_the_old_one_stays(
    database: Database, keys: Keys, now: datetime, closed: Callable[[], Run], tmp_path: Path
) -> None:
    first = closed()
    before = sealed(database, keys, first, now)
    later = now + timedelta(days=9)
    with pytest.raises(AlreadySealed):
        seal.run(database, keys, WAVE, actor=LEAD, now=later)
    with pytest.raises(NothingToReplace):
        seal.run(database, keys, WAVE, actor=LEAD, now=later, reason="sai số liệu")
    correct(database, later)
    second = closed()
    with database.read() as session:  # a run after the seal counts for nothing yet
        assert results.latest(session, waves.find(session, WAVE)).id == first.id
    let_out(database, second, Step.FINAL, later)
    seal.run(database, keys, WAVE, actor=LEAD, now=later, reason="sai số liệu của Sở Nội vụ")
    with bundles.opened(written(database, tmp_path, 2)) as bundle:
        told = checking.check(bundle, public=keys.sealing.public_key().public_bytes_raw()).statement
        assert told is not None
        assert against.run(database, bundle, told) == told["audit"]["count"] + 1
    assert told["replaces"] == {"number": 1, "seal": before.digest}
    assert (told["previous"], told["reason"]) == (before.digest, "sai số liệu của Sở Nội vụ")
    with bundles.opened(written(database, tmp_path, 1)) as bundle:
        assert checking.check(bundle, public=None).statement == json.loads(before.statement)
        assert against.run(database, bundle, json.loads(before.statement)), "what was made from was corrected since"
        with database.begin() as session:
            newest = session.scalars(select(AuditEntry).order_by(AuditEntry.number.desc()).limit(1)).one()
            session.delete(newest)
        with pytest.raises(BundleBroken) as caught:  # the second seal is there, its step in the log is not
            against.run(database, bundle, json.loads(before.statement))
        assert (caught.value.file, caught.value.field) == ("audit_entry", "results.seal")
        with database.begin() as session:
            make_transient(newest)
            session.add(newest)
        with database.begin() as session:
            session.execute(update(Release).values(proposed_by="x"))
        with pytest.raises(BundleBroken) as caught:
            against.run(database, bundle, json.loads(before.statement))
        assert (caught.value.file.partition(" ")[0], caught.value.field) == ("release", "proposed_by")
    with database.read() as session:
        assert results.latest(session, waves.find(session, WAVE)).id == second.id


def test_two_who_seal_at_once_make_one_seal(
    database: Database, keys: Keys, now: datetime, closed: Callable[[], Run]
) -> None:
    run = closed()
    let_out(database, run, Step.PROVISIONAL, now)
    later = now + timedelta(days=8)
    let_out(database, run, Step.FINAL, later)

    def try_it(_number: int) -> object:
        try:
            return seal.run(database, keys, WAVE, actor=LEAD, now=later)
        except AlreadySealed as refused:
            return refused

    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(try_it, range(3)))
    assert sum(isinstance(one, AlreadySealed) for one in outcomes) == 2
    with database.read() as session:
        assert len(seals.of_wave(session, waves.find(session, WAVE))) == 1


def test_a_complaint_is_answered_and_decided_before_anything_is_final(
    database: Database, keys: Keys, now: datetime, closed: Callable[[], Run]
) -> None:
    run = closed()
    with pytest.raises(WindowClosed):
        complain(database, now)
    let_out(database, run, Step.PROVISIONAL, now)
    identity = complain(database, now)
    later = now + timedelta(days=8)
    with pytest.raises(WindowClosed):
        complain(database, later)
    with pytest.raises(ComplaintsOpen):
        let_out(database, run, Step.FINAL, later)
    with database.begin() as session:
        wave = waves.hold(session, WAVE)
        complaint = complaints.find(session, wave, identity)
        complaints.answer(session, wave, complaint, text="Đã đối chiếu với nguồn.", by=LEAD, now=later)
        complaints.decide(session, wave, complaint, verdict="rejected", document=DOCUMENT, by=LEAD, now=later)
    let_out(database, run, Step.FINAL, later)
    with database.read() as session:
        actions = [
            row.action
            for row in session.scalars(select(AuditEntry).order_by(AuditEntry.number))
            if "complaint" in row.action
        ]
        assert results.rows_digest(results.figures(session, run)) == run.options["rows"]
    assert actions == ["complaint.file", "complaint.answer", "complaint.decide"]


def complain(database: Database, now: datetime) -> str:
    with database.begin() as session:
        wave = waves.find(session, WAVE)
        return complaints.file(
            session, wave, unit="98-02", code="1.1.1", text="Điểm chưa đúng.", by="x@example.vn", now=now
        ).id.hex()


def test_an_answer_that_comes_while_a_wave_is_closed_and_sealed_is_in_or_refused(
    database: Database, keys: Keys, now: datetime, go_to_the_field: Callable[..., Any]
) -> None:
    field = go_to_the_field(database, keys, now)
    people(database, now)
    accepted: list[str] = []

    def answer(code: str) -> None:
        try:
            with database.begin() as session:
                opening = openings.open_link(session, keys, code, now=now)
                responses.accept(
                    session, opening, secret=code, submission_key=code, answers={}, body=code.encode(), now=now
                )
            accepted.append(code)
        except (LinkClosed, WrongState):
            pass

    def end() -> None:
        close.run(database, keys, WAVE, actor="test", now=now)
        screen.run(database, WAVE, actor="test", now=now)
        sealed(database, keys, score.run(database, WAVE, actor="test", now=now), now)

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(answer, code) for code in field.personal[:6]]
        ending = pool.submit(end)
        waiting += [pool.submit(answer, code) for code in field.personal[6:]]
        for one in (*waiting, ending):
            one.result()
    with database.read() as session:
        wave = waves.find(session, WAVE)
        told = seals.statement_of(seals.find(session, wave, None))
        sealed_run = results.latest(session, wave)
        assert told["run"] == sealed_run.id.hex()
    with bundles.opened(_bundle(database, keys)) as bundle:
        rows = (bundle.folder / "extract" / "answers.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) - 1 == len(accepted)


def _bundle(database: Database, keys: Keys) -> Path:
    return written(database, keys.folder.parent)


def test_an_approval_is_for_the_figures_as_they_stand(
    database: Database, keys: Keys, now: datetime, closed: Callable[[], Run]
) -> None:
    run = closed()
    let_out(database, run, Step.PROVISIONAL, now, sign=False)
    with database.begin() as session:
        wave = waves.hold(session, WAVE)
        release = releases.pending(session, wave, Step.PROVISIONAL)
        assert release is not None
        release.document = "13/QĐ-SNV, 06/8/2026, Giám đốc"
        assert releases.signatures(session, wave, release) == []
        with pytest.raises(ApprovalsMissing):
            approvals.require(session, releases.subject(release), releases.digest(session, wave, release))

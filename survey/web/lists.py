"""The data office's page: a dossier list is sent, read by the worker, told row by row, and signed for."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey import queue
from survey.cells import Flaw, RowFault
from survey.errors.common import SurveyError
from survey.errors.waves import ListMissing
from survey.model.wave import Wave
from survey.sentences.frames import COUNTS, REMARKS, changed_sentences
from survey.sentences.refusals import row_sentence, sentences
from survey.stages import approvals, coverage, samples, tasks, units, uploads, waves
from survey.stages.tasks import Job
from survey.web import wording
from survey.web.routes import may_open
from survey.web.site import language, now, signed_in, site, translations

blueprint = Blueprint("lists", __name__, url_prefix="/prepare")
LARGEST_MAPPING = 1 << 20
SHOWN = 300  # faulty rows on the page; the others are in the file that the office has


@blueprint.get("/<wave>/list")
def show(wave: str) -> str:
    """What the lists of the wave cover, what the last one held, and whether somebody signed for them."""
    with site().database.read() as session:
        return page(session, waves.find(session, wave))


@blueprint.post("/<wave>/list/send")
def send(wave: str) -> Response | tuple[str, int]:
    """Take a file; the worker reads it, the page shows how far it is."""
    file, mapping = request.files.get("file"), request.files.get("mapping")
    try:
        with site().database.begin() as session:
            found = waves.hold(session, wave)
            if file is None or not file.filename:
                raise ListMissing(wave=wave)
            upload = uploads.keep(
                session, found, file.stream, mapping=mapping.stream.read(LARGEST_MAPPING).decode("utf-8", "replace")
                if mapping is not None and mapping.filename else "",
                is_trial="trial" in request.form, installation=site().keys.installation, actor=signed_in().email,
                now=now(),
            )  # fmt: skip
            task = tasks.ask(session, found, Job.FRAME, by=signed_in().email, now=now())
    except SurveyError as refusal:
        return refused(wave, refusal)
    queue.enqueue(
        site().settings, Job.FRAME, wave=wave, upload=upload.id.hex(), actor=signed_in().email, task=task.id.hex()
    )
    return redirect(url_for("lists.show", wave=wave), 303)


@blueprint.post("/<wave>/list/sign")
def sign(wave: str) -> Response | tuple[str, int]:
    """A named person answers for what the page showed."""
    form = request.form
    try:
        with site().database.begin() as session:
            found = waves.hold(session, wave)
            approvals.check_seen(f"frame:{wave}", seen=form.get("seen", ""), stands=coverage.digest_of(session, found))
            coverage.sign(
                session, found, by=form.get("by", ""), document=form.get("document", "").strip() or None,
                actor=signed_in().email, now=now(),
            )  # fmt: skip
    except SurveyError as refusal:
        return refused(wave, refusal)
    return redirect(url_for("lists.show", wave=wave), 303)


def refused(wave: str, refusal: SurveyError) -> tuple[str, int]:
    with site().database.read() as session:
        return page(session, waves.find(session, wave), refusal), 422


def page(session: Session, wave: Wave, refusal: SurveyError | None = None) -> str:
    seen, upload = coverage.look(session, wave), uploads.latest(session, wave)
    named = units.of_codes(session, [one.unit for one in seen.units])
    is_open = wave.state in waves.COMING and not samples.is_drawn(session, wave)
    roles = signed_in().roles
    return render_template(
        "coordinate/list.html",
        wave=wave,
        seen=seen,
        names={code: wording.text_of_unit(unit) for code, unit in named.items()},
        upload=upload,
        report=told(upload.report) if upload is not None and upload.report is not None else None,
        task=tasks.latest(session, wave, Job.FRAME),
        may_send=is_open and may_open("lists.send", roles),
        may_sign=is_open and may_open("lists.sign", roles) and seen.dossiers > 0,
        refusal=None if refusal is None else sentences(refusal, translations()),
        counts=COUNTS,
        remarks=REMARKS,
        told=tasks.told,
        language=language(),
        words=wording,
    )


def told(report: dict[str, Any]) -> dict[str, Any]:
    """A report as the page writes it: counts, then each faulty row by its number and reason."""
    reader = translations()

    def lines(name: str) -> list[str]:
        faults = (RowFault(one["row"], one["column"], Flaw(one["reason"])) for one in report[name])
        return [row_sentence(fault, reader) for fault in list(faults)[:SHOWN]]

    report = {"unknown_facts": [], "changed": [], "changed_by_column": {}} | report
    by_column = report["changed_by_column"]
    named = {"unreadable_contacts": len(report["unreadable_contacts"])}
    named["changed"] = sum(by_column.values()) or len(report["changed"])
    sums = {name: report[name] for name in COUNTS if isinstance(report.get(name), int)}
    return report | {
        "quarantined_lines": lines("quarantined"),
        "unreadable_lines": lines("unreadable_contacts"),
        "changed_lines": changed_sentences(by_column, reader) + lines("changed"),
        "totals": {name: (sums | named | {"quarantined": report["counted"]}).get(name, 0) for name in COUNTS},
    }

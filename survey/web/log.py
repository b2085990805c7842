"""The audit log for oversight: who did what, the newest first, and whether the chain holds."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from survey.errors.common import AuditBroken
from survey.stages import audit
from survey.web.site import site
from survey.web.wording import ACTIONS

blueprint = Blueprint("log", __name__, url_prefix="/staff/log")
A_PAGE = 50


@blueprint.get("")
def index() -> str:
    """Fifty entries, from the number that is asked for downwards."""
    return _page()


@blueprint.post("/verify")
def verify() -> str:
    """Compute every hash anew; the first entry that does not fit is named."""
    with site().database.read() as session:
        try:
            return _page(head=audit.verify(session))
        except AuditBroken as error:
            return _page(broken=error)


def _page(*, head: audit.Head | None = None, broken: AuditBroken | None = None) -> str:
    before = request.args.get("before", type=int)
    with site().database.read() as session:
        entries = audit.newest_entries(session, before=before, most=A_PAGE)
        count = audit.head(session).count
    older = entries[-1].number if entries and entries[-1].number > 1 else None
    return render_template(
        "account/log.html", entries=entries, older=older, before=before, count=count, head=head, broken=broken,
        actions=ACTIONS,
    )  # fmt: skip

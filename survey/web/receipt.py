"""The page where a citizen checks by a code that the answer is among those that were stored."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from survey.stages import receipts
from survey.stages.receipts import Found
from survey.web.site import site

blueprint = Blueprint("receipt", __name__, url_prefix="/receipt")
LONGEST = 40
UNKNOWN = 404


@blueprint.route("", methods=["GET", "POST"])
def check() -> str | tuple[str, int]:
    """Ask for a code; say whether a closed survey's list has it, and nothing else of it."""
    if request.method != "POST":
        return page("", None, is_asked=False)
    code = request.form.get("code", "")[:LONGEST].strip()
    with site().database.read() as session:
        found = receipts.check(session, code)
        text = page(code, found, is_asked=True)
    return text if found else (text, UNKNOWN)


def page(code: str, found: Found | None, *, is_asked: bool) -> str:
    return render_template("respond/receipt.html", code=code, found=found, is_asked=is_asked)

"""The messages of a rehearsal as their receivers see them; an installation that really sends has no such page."""

from __future__ import annotations

import os
import re

from flask import Blueprint, abort, render_template

from survey.channels import trial
from survey.channels.configuration import read_channels
from survey.channels.trial import Shown
from survey.keys import ALPHABET, CODE_LENGTH
from survey.web.site import site

blueprint = Blueprint("shown", __name__)
MOST = 100
CODE = re.compile(rf"(?:(?<=/k/)|(?<=ma: ))[{ALPHABET}]{{{CODE_LENGTH}}}")


@blueprint.get("/demo/messages")
def messages() -> str:
    """The newest messages that the gateways of the rehearsal took."""
    file = site().settings.channels
    folder = read_channels(file, os.environ).trial if file.is_file() else None
    if folder is None:
        abort(404)
    found = [(one, code_in(one)) for one in trial.shown(folder, MOST)]
    return render_template("coordinate/messages.html", messages=found)


def code_in(message: Shown) -> str | None:
    """The code of the link that a message carries."""
    found = CODE.search(message.text)
    return found[0] if found else None

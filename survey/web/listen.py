"""Recorded voices on the site: each file under a name of its own content, so that it can be kept for a year."""

from __future__ import annotations

import logging
from pathlib import Path

from flask import Blueprint, Response, abort, send_file

from survey.faults import FaultyFile
from survey.instrument import Factor, Item
from survey.voices import Voice, Voices, open_voices, shipped_folder
from survey.web.site import site

blueprint = Blueprint("listen", __name__)


@blueprint.get("/listen/<mark>.mp3")
def voice(mark: str) -> Response:
    """A voice by its mark, whole or in part; nothing else of the disk can be named."""
    known = site().voices.by_mark.get(mark)
    if known is None or not known.path.is_file():
        abort(404)
    return send_file(known.path, mimetype="audio/mpeg", conditional=True)


def found(folder: Path) -> Voices:
    """The province's own voices before the shipped ones; a faulty folder is left out, the survey goes on without it."""
    try:
        return open_voices(folder, shipped_folder())
    except (FaultyFile, OSError) as fault:
        logging.getLogger("survey").error("the voices in %s are not used: %s", folder, fault)
        return open_voices(shipped_folder())


def voice_of(asked: Item | Factor, lang: str) -> Voice | None:
    """The voice that speaks a question with its answers, or a factor's lead; None where nobody speaks these words."""
    voices = site().voices
    return voices.of_item(asked, lang) if isinstance(asked, Item) else voices.of_lead(asked, lang)

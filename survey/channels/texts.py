"""The texts of invitations and reminders: data, both languages in one file, the unaccented SMS made from the accented.

`{name}` is filled in from a closed list; nothing else in a text means anything.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from survey import datafile, resources
from survey.datafile import Report, Table, Words
from survey.faults import Reason

SLOT = re.compile(r"\{([^{}]*)\}")
SLOTS = frozenset({"sender", "minutes", "link", "stop", "closes", "contact"})
NEEDED = ("link",)
LANGUAGES = ("vi", "en")


@dataclass(frozen=True)
class StepText:
    """What is written at one step, the invitation or a reminder."""

    code: str
    subject: Words
    mail: Words
    sms: Words


@dataclass(frozen=True)
class Texts:
    """The texts for one audience, by step in the order of sending."""

    audience: str
    version: str
    digest: str
    steps: Mapping[str, StepText]


def read_texts(source: Path) -> Texts:
    """Read a file of texts; refuse it with all its faults (`FaultyFile`)."""
    report = Report(source.name)
    report.languages = LANGUAGES
    text = datafile.canonical(source, source.name)
    table = datafile.open_table(text, report)
    audience, version = table.code("audience"), table.text("version")
    steps = [_read_step(one) for one in table.tables("step")]
    table.close()
    report.settle()
    return Texts(audience, version, datafile.digest(text), {step.code: step for step in steps})


def shipped(audience: str) -> Path:
    return resources.data("messages", f"{audience}.toml")


def _read_step(table: Table) -> StepText:
    step = StepText(table.code(), table.words("subject"), table.words("mail"), table.words("sms"))
    for key, words in (("subject", step.subject), ("mail", step.mail), ("sms", step.sms)):
        for _language, text in words.pairs:
            for name in sorted(set(SLOT.findall(text)) - SLOTS):
                table.fault(key, Reason.UNFIT, "{" + name + "}")
            for name in NEEDED if key != "subject" else ():
                if name not in SLOT.findall(text):
                    table.fault(key, Reason.UNFIT, "{" + name + "} ?")
    table.close()
    return step


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put the values in; what they hold is text and is not filled in again."""
    return SLOT.sub(lambda found: values[found[1]], text)


def unaccented(text: str) -> str:
    """Vietnamese without its marks, in the letters that a plain SMS has."""
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    letters = "".join(letter for letter in bare if not unicodedata.combining(letter))
    return letters.replace("–", "-").replace("…", "...").encode("ascii", "replace").decode()

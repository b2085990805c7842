"""Places in a question's text, `{Q1}`, that the answer to an earlier question fills."""

from __future__ import annotations

import re
from collections.abc import Mapping

from survey.datafile import Table, Words
from survey.faults import Reason

PIPE = re.compile(r"\{([^{}]*)\}")


def check(row: Table, text: Words, earlier: Mapping[str, bool]) -> None:
    """Only earlier questions may be named, and of them those whose answers may be taken in (`earlier` says which)."""
    for lang, words in text.pairs:
        for code in PIPE.findall(words):
            if code not in earlier:
                row.fault(f"text.{lang}", Reason.NOT_EARLIER, f'"{code}"')
            elif not earlier[code]:
                row.fault(f"text.{lang}", Reason.UNFIT, f"{{{code}}}")


def check_plain(row: Table, **texts: Words) -> None:
    """Only a question takes in an earlier answer: anywhere else people would read the braces."""
    for key, words in texts.items():
        for lang, text in words.pairs:
            for place in PIPE.findall(text):
                row.fault(f"{key}.{lang}", Reason.UNFIT, f"{{{place}}}")

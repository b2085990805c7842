"""What is said of a value of a request that does not fit its description, by the code of the check that it failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from survey.i18n import Translator
from survey.i18n import mark as _n

OTHER = _n("The value does not fit.")
SAID = {
    "missing": _n("It is missing."),
    "extra_forbidden": _n("There is no such field."),
    "none_required": _n("It must be null."),
    "greater_than_equal": _n("It must be %(ge)s or more."),
    "greater_than": _n("It must be more than %(gt)s."),
    "less_than_equal": _n("It must be %(le)s or less."),
    "less_than": _n("It must be less than %(lt)s."),
    "string_too_short": _n("It must have at least %(min_length)s letters."),
    "string_too_long": _n("It must have at most %(max_length)s letters."),
    "string_pattern_mismatch": _n("It is not written as it must be: %(pattern)s."),
    "too_short": _n("It must have at least %(min_length)s entries."),
    "too_long": _n("It must have at most %(max_length)s entries."),
    "json_invalid": _n("It is not valid JSON."),
}
KINDS = {  # the first part of a code: int_parsing, int_type, …
    "int": _n("It must be a whole number."),
    "float": _n("It must be a number."),
    "decimal": _n("It must be a number."),
    "bool": _n("It must be true or false."),
    "string": _n("It must be text."),
    "list": _n("It must be a list."),
    "model": _n("It must be an object with named fields."),
    "dict": _n("It must be an object with named fields."),
    "date": _n("It must be a date, as 2026-08-05."),
    "datetime": _n("It must be a time, as 2026-08-05T08:00:00+07:00."),
}


def unfit(code: str, facts: Mapping[str, Any], reader: Translator) -> str:
    """A sentence in the reader's language; never the checking library's own."""
    known = SAID.get(code) or KINDS.get(code.partition("_")[0], OTHER)
    try:
        return reader.gettext(known) % facts
    except KeyError:  # the check says less than the sentence wants
        return reader.gettext(OTHER)

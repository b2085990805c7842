"""Questions as HTML, drawn once in a process for the same words and choice: drawing is most of what a page costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from survey.instrument import Item
from survey.web.forms import Field

MOST = 8192
_kept: dict[tuple[int, str, str, str], tuple[Item, str]] = {}


def drawn(macro: Callable[..., str], field: Field, lang: str, text: str, answers: Mapping[str, str], fault: str) -> str:
    """What the template's macro makes of a question; kept when it holds nothing that somebody wrote or did wrong."""
    item, words = field.item, [name for name in field.extras if name in answers]
    if fault or words or not item.is_choosing or text != item.text(lang):
        return macro(field, lang, text, answers, fault)
    key = (id(item), field.name, lang, answers.get(field.name, ""))
    found = _kept.get(key)
    if found is None:
        if len(_kept) >= MOST:
            _kept.clear()
        found = _kept[key] = (item, macro(field, lang, text, answers, fault))  # the item keeps its id from being reused
    return found[1]

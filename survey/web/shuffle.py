"""The random order of a factor's items: the same for one form all the time, and where each item stood in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from survey.instrument import ItemType
from survey.web.forms import Field, FormPage


def shuffled(page: FormPage, key: str) -> FormPage:
    """The page with the items of factors that ask for it in a random order, the same for one form all the time."""
    if not page.is_shuffled:
        return page

    def order(field: Field) -> bytes:
        return hashlib.sha256(f"{key} {field.name}".encode()).digest()

    sections = tuple(
        replace(section, fields=tuple(sorted(section.fields, key=order)))
        if section.factor and section.factor.shuffle
        else section
        for section in page.sections
    )
    return replace(page, sections=sections)


def places(pages: Sequence[FormPage], key: str) -> dict[str, int]:
    """Where each item that is chosen from stood in the random order of its page, from 1; empty without any."""
    return {
        field.name: place
        for page in pages
        for section in shuffled(page, key).sections
        if section.factor and section.factor.shuffle
        for place, field in enumerate(section.fields, start=1)
        if field.item.type is ItemType.SINGLE
    }

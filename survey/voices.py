"""Recorded voices: one file speaks a question with its answers, and is found by the very words that it speaks.

`<folder>/<questionnaire>/<language>/` holds one MP3 for each question and each lead (`_<factor>.mp3`), and in
`voices.toml` the words of every file. A question whose words were changed since finds no voice, and shows no button.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from survey import datafile, resources
from survey.datafile import Report
from survey.instrument import Factor, Instrument, Item
from survey.pipes import PIPE

MANIFEST = "voices.toml"
LARGEST = 64 * 1024  # more is too much on a slow network for one question
MARK_LETTERS = 10


@dataclass(frozen=True)
class Line:
    """What one file has to say."""

    form: str
    lang: str
    code: str
    words: str

    @property
    def file(self) -> str:
        """Its place below a folder of voices."""
        return f"{self.form}/{self.lang}/{self.code}.mp3"


@dataclass(frozen=True)
class Voice:
    """A file that can be listened to; `mark` is what its content is called on the site."""

    path: Path
    mark: str
    generated: bool


@dataclass(frozen=True)
class Manifest:
    """The words of each file of one folder by its code, and the program that made them (empty: a person)."""

    generator: str
    words: Mapping[str, str]


class Trouble(StrEnum):
    """Why a sentence cannot be listened to as it should."""

    MISSING = "missing"
    STALE = "stale"
    TOO_LARGE = "too_large"
    NOT_MP3 = "not_mp3"


@dataclass(frozen=True)
class Voices:
    """All voices that a site has: by language and words, and by their marks."""

    by_words: Mapping[tuple[str, str], Voice]
    by_mark: Mapping[str, Voice]

    def of_item(self, item: Item, lang: str) -> Voice | None:
        return self.by_words.get((lang, item_words(item, lang)))

    def of_lead(self, factor: Factor, lang: str) -> Voice | None:
        return self.by_words.get((lang, lead_words(factor, lang)))


def shipped_folder() -> Path:
    """Where the voices lie that come with the program."""
    return resources.data("voices")


def item_words(item: Item, lang: str) -> str:
    """The question, its hint, and what stands beside each box, counted from the top.

    Nobody can speak an earlier answer beforehand: a question that takes one in says nothing.
    """
    if PIPE.search(item.text(lang)):
        return ""
    boxes = [*([item.consent] if item.consent else []), *(choice.text for choice in item.choices)]
    boxes += [item.na] if item.na else []
    told = [item.text(lang), *([item.hint(lang)] if item.hint else [])]
    return _sentences([*told, *(f"{number}: {box(lang)}" for number, box in enumerate(boxes, start=1))])


def lead_words(factor: Factor, lang: str) -> str:
    """What stands above the questions of a factor."""
    return _sentences([factor.name(lang), factor.lead(lang)]) if factor.lead else ""


def _sentences(parts: list[str]) -> str:
    return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts)


def lines(form: Instrument) -> tuple[Line, ...]:
    """Everything that a questionnaire has to say, in the order in which it is asked, one language after the other."""
    found: list[Line] = []
    for lang in form.languages:
        leads = [Line(form.code, lang, f"_{factor.code}", lead_words(factor, lang)) for factor in form.factors]
        items = [Line(form.code, lang, item.code, item_words(item, lang)) for item in form.items]
        found += [line for line in (*leads, *items) if line.words]
    return tuple(found)


def open_voices(*folders: Path) -> Voices:
    """The voices of these folders; where two speak the same words, that of the earlier folder is heard."""
    by_words: dict[tuple[str, str], Voice] = {}
    for folder in folders:
        for place in sorted(path.parent for path in folder.glob(f"*/*/{MANIFEST}")):
            manifest = read_manifest(place)
            for path in sorted(place.glob("*.mp3")):
                words = manifest.words.get(path.stem)
                if words:
                    by_words.setdefault((place.name, words), _voice(path, generated=bool(manifest.generator)))
    return Voices(by_words, {voice.mark: voice for voice in by_words.values()})


def _voice(path: Path, *, generated: bool) -> Voice:
    return Voice(path, hashlib.sha256(path.read_bytes()).hexdigest()[:MARK_LETTERS], generated)


def read_manifest(place: Path) -> Manifest:
    """Read a folder's `voices.toml`; without one, nothing is known of its files."""
    path = place / MANIFEST
    if not path.exists():
        return Manifest("", {})
    report = Report(str(path))
    table = datafile.open_table(datafile.canonical(path, report.file), report)
    generator = table.text("generator") if table.flag("generated", default=False) else ""
    inner = table.table("words")
    words = {code: inner.text(code) for code in inner.keys()} if inner else {}  # noqa: SIM118 - not a mapping
    table.close()
    report.settle()
    return Manifest(generator, words)


def write_manifest(place: Path, manifest: Manifest) -> None:
    place.mkdir(parents=True, exist_ok=True)
    head = f"generated = {str(bool(manifest.generator)).lower()}\n"
    head += f"generator = {_quoted(manifest.generator)}\n" if manifest.generator else ""
    rows = [f"{_quoted(code)} = {_quoted(words)}\n" for code, words in manifest.words.items()]
    (place / MANIFEST).write_text(head + "\n[words]\n" + "".join(rows), encoding="utf-8", newline="\n")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # what JSON escapes, TOML escapes alike


def prepare(form: Instrument, folder: Path, *, generator: str = "") -> None:
    """Write down which file is to say what, where no other file says it; what a recorded file says stays as it was."""
    known = open_voices(folder)
    for lang in form.languages:
        place = folder / form.code / lang
        before, words = read_manifest(place), {}
        for line in lines(form):
            voice = known.by_words.get((lang, line.words))
            if line.lang == lang and (voice is None or voice.path.parent == place):
                is_recorded = (folder / line.file).exists()
                words[line.code] = before.words.get(line.code, line.words) if is_recorded else line.words
        write_manifest(place, Manifest(generator or before.generator, words))


def troubles(form: Instrument, folder: Path) -> dict[Line, Trouble]:
    """What is wrong with a folder's voices for a questionnaire; nothing when each sentence can be listened to."""
    known = open_voices(folder)
    found: dict[Line, Trouble] = {}
    for line in lines(form):
        voice = known.by_words.get((line.lang, line.words))
        trouble = _heard(voice.path) if voice else _unheard(folder / line.file)
        if trouble:
            found[line] = trouble
    return found


def _unheard(path: Path) -> Trouble:
    return Trouble.STALE if path.exists() else Trouble.MISSING


def _heard(path: Path) -> Trouble | None:
    head = path.read_bytes()[:3]
    is_frame = len(head) == 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 == 0x02  # layer III
    if head != b"ID3" and not is_frame:
        return Trouble.NOT_MP3
    return Trouble.TOO_LARGE if path.stat().st_size > LARGEST else None

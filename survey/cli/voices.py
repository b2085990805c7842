"""`hailong instrument voices`: what a questionnaire has to say aloud, and which of it can be heard."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from survey import voices
from survey.cli.context import put, reader, refuses, say
from survey.cli.speech import speech_maker
from survey.config import settings_from
from survey.errors.common import VoicesRecorded
from survey.i18n import mark as _n
from survey.instrument import Instrument, builtin_instrument, load_instrument
from survey.voices import Manifest, Trouble

SENTENCES: dict[Trouble, str] = {
    Trouble.MISSING: _n("missing"),
    Trouble.STALE: _n("the question was changed since; remove the file, then record it anew"),
    Trouble.TOO_LARGE: _n("too large: at most %(most)s KB, record it as mono with 16 to 32 kbit/s"),
    Trouble.NOT_MP3: _n("this is not an MP3 file"),
}


@click.command(name="voices")
@click.argument("form", metavar="FILE|CODE")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of the voices [HAILONG_VOICES].")
@click.option("--check", is_flag=True, help="Change nothing; end with 1 when a file is missing, stale or too large.")
@click.option("--generate", is_flag=True, help="Let a program speak what is missing or stale.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@refuses
def speak(form: str, out: Path | None, check: bool, generate: bool, as_json: bool) -> None:
    """List what FILE (or a shipped CODE) has to say aloud, each with the name of its file, and write the folders."""
    if check and generate:
        raise click.UsageError("--check --generate")
    asked = load_instrument(Path(form)) if Path(form).is_file() else builtin_instrument(form)
    folder = out or settings_from().voices
    if generate:
        make(asked, folder)
    if not check:
        voices.prepare(asked, folder)
    found = voices.troubles(asked, folder)
    rows = [
        {"file": line.file, "words": line.words, "trouble": found[line].value if line in found else None}
        for line in voices.lines(asked)
    ]
    told = {
        line.file: reader().gettext(SENTENCES[why]) % {"most": voices.LARGEST // 1024} for line, why in found.items()
    }
    listed = [f"{file}: {sentence}" for file, sentence in told.items()]
    listed = listed or [f"files: {len(rows)}"]
    shown = listed if check else [f"{row['file']}\t{row['words']}" for row in rows]
    put({"folder": str(folder), "sound": not found, "lines": rows}, as_json=as_json, lines=shown)
    if check and found:
        sys.exit(1)


def make(form: Instrument, folder: Path) -> None:
    """Let a program speak what is missing or stale; never in a folder where a person spoke."""
    generator, spoken = speech_maker()
    for lang in form.languages:
        place = folder / form.code / lang
        if any(place.glob("*.mp3")) and not voices.read_manifest(place).generator:
            raise VoicesRecorded(str(place))
    for line, why in voices.troubles(form, folder).items():
        if why in (Trouble.MISSING, Trouble.STALE):
            path = folder / line.file
            made, before = spoken(line.words, line.lang), voices.read_manifest(path.parent)
            path.unlink(missing_ok=True)  # nothing may be heard under words that it does not speak
            voices.write_manifest(path.parent, Manifest(generator, {**before.words, line.code: line.words}))
            path.write_bytes(made)
            say(line.file)
    voices.prepare(form, folder, generator=generator)

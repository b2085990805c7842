"""`hailong instrument`: questionnaires as files."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from survey.cli.context import put, reader, say
from survey.cli.voices import speak
from survey.config import settings_from
from survey.faults import FaultyFile
from survey.i18n import mark as _n
from survey.i18n import own_names
from survey.instrument import load_instrument
from survey.sentences.refusals import fault_sentence

NO_CATALOGUE = _n("No page offers the language %(language)s: it has no catalogue (HAILONG_TRANSLATIONS).")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def instrument() -> None:
    """Questionnaires as files."""


@instrument.command()
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(file: Path, as_json: bool) -> None:
    """Name each fault of FILE by table and key; end with 0 when sound, 1 with faults, 2 when it cannot be read."""
    try:
        form = load_instrument(file)
    except FaultyFile as refusal:
        told = [
            {
                "place": fault.place,
                "key": fault.key,
                "reason": fault.reason_code.value,
                "detail": fault.detail,
                "sentence": fault_sentence(fault, reader()),
            }
            for fault in refusal.faults
        ]
        lines = [one["sentence"] for one in told]
        put({"file": refusal.file, "sound": False, "faults": told}, as_json=as_json, lines=lines)
        sys.exit(1)
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from error
    counts = {"items": len(form.items), "scored": len(form.scored_items), "facts": len(form.facts)}
    data = {"file": file.name, "sound": True, "code": form.code, "version": form.version, **counts}
    lines = [f"{key}: {value}" for key, value in data.items() if key != "sound"]
    put({**data, "digest": form.digest, "faults": []}, as_json=as_json, lines=lines)
    for language in [one for one in form.languages if one not in own_names(settings_from().translations)]:
        say(reader().gettext(NO_CATALOGUE) % {"language": language})


instrument.add_command(speak)

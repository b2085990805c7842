"""An extract: the frozen tables that a score is made from, as a folder and in memory, and the score itself.

The site builds an `Extract` from its database, an auditor reads the same one from a folder; rows are sorted by content
and numbers are written so that they read back exactly, so both give the same digits.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import file_digest, sha256
from importlib import resources
from pathlib import Path
from typing import Any

from analysis.components.answer_files import CSV, PARQUET, AnswerFile, Held, refusal, stored
from analysis.components.averages import level_averages
from analysis.components.beside import GRADES, ITEMS, SMALL_UNITS, Table, grades_table
from analysis.components.changes import CLEAR_BY, read_previous, with_changes
from analysis.components.citizens import Rating, Scored, make_wave, score_citizens
from analysis.components.folder_files import OPTIONAL, SMALL, json_bytes, read_columns, read_json, records_bytes
from analysis.components.grouping import Groups, count_answers
from analysis.components.index import index_codes
from analysis.components.instrument import Audience, Instrument, parse_instrument
from analysis.components.item_limits import items_table
from analysis.components.manifest import Manifest, WaveKind, read_hashes, read_manifest
from analysis.components.officials import score_officials
from analysis.components.rows import Context, Row, csv_pieces, json_pieces, make_rows
from analysis.components.scheme import Scheme, parse_scheme
from analysis.components.sheet import Reason, because
from analysis.components.small_units import small_units_table
from analysis.components.tables import (
    Answers,
    Cells,
    InputRow,
    MarginRow,
    SampleRow,
    Scales,
    TraitRow,
    make_answers,
    make_records,
)
from analysis.components.weighting import make_frame
from analysis.errors import CellInvalid, CodeUnknown, FileChanged, FileUnlisted, FileUnreadable, KeyInvalid

MANIFEST = "manifest.json"
SCHEMA = "scores.schema.json"
TABLES = (*SMALL, *OPTIONAL)


@dataclass(frozen=True, eq=False)
class Extract:
    """Everything that a score is made from; make it with `make_extract` or `read_extract`."""

    file: AnswerFile
    sample: tuple[SampleRow, ...]
    margins: tuple[MarginRow, ...]
    inputs: tuple[InputRow, ...]
    instrument: Instrument
    schemes: tuple[Scheme, ...]
    manifest: Manifest
    previous: Mapping[str, bytes]
    traits: tuple[TraitRow, ...] = ()

    @property
    def answers(self) -> Answers:
        """The answers one by one, sorted by content; a citizens' score does without them."""
        return self.file.answers

    @cached_property
    def groups(self) -> Groups:
        """The citizens' answers counted in one pass. Raises CellInvalid."""
        form, name = self.instrument, self.file.name
        try:
            return count_answers(self.file.source(), form.scored, form.satisfied, index_codes(form).members)
        except CellInvalid as error:  # the header is the file's first row
            raise CellInvalid(name, error.row + 1, error.column, error.value, error.allowed) from error
        except FileUnreadable as error:
            raise refusal(self.file, error) from error

    @cached_property
    def small_files(self) -> Mapping[str, bytes]:
        """Canonical bytes of every file of the folder but the answers; the manifest last, with the others' hashes."""
        files = {"instrument.toml": self.instrument.text.encode()}
        for name, kind in SMALL.items():
            files[name] = records_bytes(kind, getattr(self, name.removesuffix(".csv")))
        files.update({name: records_bytes(kind, self.traits) for name, kind in OPTIONAL.items() if self.traits})
        files.update(zip(scheme_files(len(self.schemes)), (one.text.encode() for one in self.schemes), strict=True))
        files.update(self.previous)
        hashes = {name: sha256(data).hexdigest() for name, data in files.items()} | {self.file.name: self.file.digest}
        told = {**self.manifest.as_dict(), "hashes": dict(sorted(hashes.items()))}
        return {**files, MANIFEST: json_bytes(told)}

    @property
    def files(self) -> Mapping[str, bytes]:
        """Bytes of every file of the folder, the manifest last."""
        return {self.file.name: self.file.data, **self.small_files}

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest, which names every other file by its own."""
        return sha256(self.small_files[MANIFEST]).hexdigest()


@dataclass(frozen=True, eq=False)
class Scores:
    """The rows of a score, what the results' manifest says of it, and the tables beside it by name."""

    rows: tuple[Row, ...]
    facts: Mapping[str, Any]
    beside: Mapping[str, Table] = field(default_factory=dict)


def make_extract(
    *,
    answers: Mapping[str, Cells],
    sample: Mapping[str, Cells],
    margins: Mapping[str, Cells],
    inputs: Mapping[str, Cells],
    instrument: str,
    schemes: Sequence[str],
    manifest: Mapping[str, Any],
    previous: Mapping[str, bytes] | None = None,
    traits: Mapping[str, Cells] | None = None,
) -> Extract:
    """Check and sort the columns (by the names of the contract, in any order and row order) into an extract.

    `traits` may be left out; `instrument` and `schemes` are the texts of the TOML files, `previous` holds
    `previous/<name>` -> bytes.
    Raises the leaf that names file, row and column of what does not fit.
    """
    form = parse_instrument(instrument)
    raters = form.audience is Audience.OFFICIALS
    table = make_answers(answers, form.columns, raters=raters, file=CSV, scales=_scales(form))
    small = {"sample": sample, "margins": margins, "inputs": inputs, "traits": traits or {}}
    return _checked(Held(table), small, form, schemes, manifest, previous or {})


def _checked(
    file: AnswerFile,
    small: Mapping[str, Mapping[str, Cells]],
    form: Instrument,
    schemes: Sequence[str],
    manifest: Mapping[str, Any],
    previous: Mapping[str, bytes],
) -> Extract:
    told = read_manifest(manifest)
    rules = tuple(parse_scheme(text, file=name) for name, text in zip(scheme_files(len(schemes)), schemes, strict=True))
    extract = Extract(
        file,
        make_records(SampleRow, small["sample"], file="sample.csv"),
        make_records(MarginRow, small["margins"], file="margins.csv"),
        make_records(InputRow, small["inputs"], file="inputs.csv"),
        form, rules, told, dict(previous),
        make_records(TraitRow, small["traits"], file="traits.csv") if small["traits"] else (),
    )  # fmt: skip
    _check_codes(extract)
    return extract


def read_extract(folder: Path) -> Extract:
    """Read a folder after checking every file against the manifest's hash; a citizens' answers, CSV or Parquet, are
    only counted, in one pass. Raises FileUnreadable, FileUnlisted, FileChanged and the leaves of `make_extract`."""
    manifest = read_json(_manifest_bytes(folder), MANIFEST)
    hashes = read_hashes(manifest)
    answers = PARQUET if PARQUET in hashes else CSV
    for name in (answers, *SMALL, "instrument.toml", *scheme_files(1)):
        if name not in hashes:
            raise FileUnlisted(name)
    _verify_answers(folder, answers, hashes[answers])
    files = {name: _verified(folder, name, expected) for name, expected in sorted(hashes.items()) if name != answers}
    form = parse_instrument(text_of(files, "instrument.toml"))
    raters = form.audience is Audience.OFFICIALS
    return _checked(
        stored(folder / answers, hashes[answers], form.columns, raters=raters, scales=_scales(form)),
        {name.removesuffix(".csv"): read_columns(files[name], name) if name in files else {} for name in TABLES},
        form,
        [text_of(files, name) for name in scheme_files(sum(name.startswith("scheme") for name in files))],
        manifest,
        {name: data for name, data in files.items() if name.startswith("previous/")},
    )


def verified_files(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A folder's manifest and all the files that it names, each checked against its hash."""
    manifest = read_json(_manifest_bytes(folder), MANIFEST)
    hashes = read_hashes(manifest)
    return manifest, {name: _verified(folder, name, expected) for name, expected in sorted(hashes.items())}


def write_extract(extract: Extract, folder: Path) -> None:
    """Write the folder; the same extract always gives the same bytes."""
    write_files(folder, extract.files)


def score(extract: Extract, scheme: Scheme | None = None) -> Scores:
    """Score an extract by its own schemes, or by one other scheme as a rehearsal.

    Deterministic: the same extract gives the same rows, digit for digit. Raises the leaves of `components`.
    """
    schemes = extract.schemes if scheme is None else (scheme,)
    own = scheme is None or scheme.digest in {one.digest for one in extract.schemes}
    manifest = extract.manifest
    if not manifest.rated():
        raise KeyInvalid(MANIFEST, "", "units", f"{len(manifest.units)} units", "a unit that is rated, or more")
    ratings = [Rating(one, manifest.rated(one.serves), extract.inputs, own) for one in schemes]
    scored = _scored(extract, ratings)
    marks = [because(Reason.REHEARSAL)] if manifest.kind is WaveKind.REHEARSAL else []
    marks += [] if own else [because(Reason.OTHER_SCHEME)]
    context = Context(str(manifest.year), manifest.wave, manifest.names, tuple(marks), own)
    rows = with_changes(make_rows(scored.sheets, context), read_previous(extract.previous))
    beside = {
        GRADES: grades_table(rows, schemes),
        SMALL_UNITS: small_units_table(scored.sheets, _dossiers(extract), context),
        ITEMS: items_table(scored.sheets, context),
    }
    return Scores(tuple(rows), _facts(extract, schemes, scored, own=own), beside)


def write_scores(scores: Scores, folder: Path) -> None:
    """Write `scores.json` with its schema, `scores.csv`, a CSV file for each table beside that has rows, and
    `manifest.json`."""
    head = {"format": 1, "schema": SCHEMA, **{key: scores.facts[key] for key in HEAD_FACTS}}
    schema = resources.files("analysis.components").joinpath(SCHEMA).read_bytes()
    hashes = {
        "scores.csv": _write_pieces(folder / "scores.csv", csv_pieces(scores.rows)),
        "scores.json": _write_pieces(folder / "scores.json", json_pieces(head, scores.rows)),
        SCHEMA: sha256(schema).hexdigest(),
    }
    tables = {f"{name}.csv": table.csv() for name, table in scores.beside.items() if table.rows}
    hashes |= {name: sha256(data).hexdigest() for name, data in tables.items()}
    write_files(folder, {SCHEMA: schema, **tables, MANIFEST: json_bytes({**scores.facts, "hashes": hashes})})


HEAD_FACTS = ("wave", "kind", "audience", "year", "extract", "index_name_vi", "index_name_en")


def run_score(args: argparse.Namespace) -> int:
    """`python -m analysis score EXTRACT [--scheme FILE] [--out DIR] [--json]`; a refusal is raised (AnalysisError)."""
    extract = read_extract(Path(args.extract))
    scheme = None if args.scheme is None else _read_scheme(Path(args.scheme))
    return tell(score(extract, scheme), args)


def tell(scores: Scores, args: argparse.Namespace) -> int:
    """Write the results where the command wants them, and their summary."""
    if args.out is not None:
        write_scores(scores, Path(args.out))
    out = None if args.out is None else str(args.out)
    told = {**{key: scores.facts[key] for key in HEAD_FACTS}, "rows": len(scores.rows), "out": out}
    as_json = getattr(args, "json", False)
    lines = [json.dumps(told, ensure_ascii=False)] if as_json else [f"{key}: {value}" for key, value in told.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def scheme_files(count: int) -> tuple[str, ...]:
    """Names of the scheme files: scheme.toml, scheme-2.toml, ..."""
    return tuple("scheme.toml" if number == 1 else f"scheme-{number}.toml" for number in range(1, count + 1))


def _scored(extract: Extract, ratings: Sequence[Rating]) -> Scored:
    if extract.instrument.audience is Audience.OFFICIALS:
        return score_officials(extract.answers, extract.sample, extract.instrument, ratings)
    frame = make_frame(extract.sample, extract.margins, extract.traits)
    wave = make_wave(extract.groups, frame, extract.instrument, extract.manifest.rated())
    return score_citizens(wave, ratings, extract.manifest.province)


def _facts(extract: Extract, schemes: Sequence[Scheme], scored: Scored, *, own: bool) -> dict[str, Any]:
    """What the results' manifest names: the data, the code, the rules and what was done to the weights."""
    manifest = extract.manifest
    vi, en = extract.instrument.index_name()
    served = {unit for one in schemes for unit in manifest.rated(one.serves)}
    return {
        **{key: value for key, value in manifest.as_dict().items() if key not in ("units", "hashes")},
        "extract": extract.digest,
        "instrument": {"code": extract.instrument.code, "version": extract.instrument.version},
        "schemes": [{"code": one.code, "version": one.version, "sha256": one.digest} for one in schemes],
        "own_schemes": own,
        "index_name_vi": vi,
        "index_name_en": en,
        "units_without_scheme": [unit for unit in manifest.rated() if unit not in served],
        "level_averages": level_averages(scored.sheets, _dossiers(extract)),
        "change_clear": CLEAR_BY,
        "self_selected": scored.self_selected,
        "weighting": scored.weighting,
        "province_margins": scored.margins,
    }


def _dossiers(extract: Extract) -> dict[str, float]:
    """The frame's dossiers of each unit."""
    return {row.unit: row.total for row in extract.margins if row.margin == "unit"}


def _scales(form: Instrument) -> Scales:
    """The codes of each item that earns points; citizens' answers are checked while they are counted."""
    return {item.code: form.choices[item.code] for item in form.scored} if form.audience is Audience.OFFICIALS else {}


def _check_codes(extract: Extract) -> None:
    """Units are known to the manifest; scored items hold codes of their scale (checked before any row is set apart)."""
    form, manifest = extract.instrument, extract.manifest
    if manifest.audience is not form.audience:
        raise KeyInvalid(MANIFEST, "", "audience", manifest.audience, f"{form.audience}, as in instrument.toml")
    citizens = form.audience is Audience.CITIZENS
    units = {group.unit for group in extract.groups.groups} if citizens else set(extract.answers["unit"].levels)
    unknown = sorted(units - set(manifest.names))
    if unknown:
        raise CodeUnknown(extract.file.name, "unit", unknown[0], MANIFEST)
    records: dict[str, Iterable[SampleRow | MarginRow | InputRow | TraitRow]] = {
        "sample.csv": extract.sample if citizens else (), "margins.csv": extract.margins, "inputs.csv": extract.inputs,
        "traits.csv": extract.traits,
    }  # fmt: skip
    for name, rows in records.items():
        for row in rows:
            if row.unit not in manifest.names:
                raise CodeUnknown(name, "unit", row.unit, MANIFEST)


def _read_scheme(path: Path) -> Scheme:
    data = _bytes(path.parent, path.name)
    return parse_scheme(text_of({path.name: data}, path.name), file=path.name)


def _verify_answers(folder: Path, name: str, expected: str) -> None:
    """The file of answers may be larger than the memory."""
    try:
        with (folder / name).open("rb") as file:
            found = file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileUnreadable(name, error.strerror or str(error)) from error
    if found != expected:
        raise FileChanged(name, str(expected), found)


def _verified(folder: Path, name: str, expected: str) -> bytes:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise FileUnreadable(name, "the manifest names a file outside the folder")
    data = _bytes(folder, name)
    found = sha256(data).hexdigest()
    if found != expected:
        raise FileChanged(name, str(expected), found)
    return data


def _manifest_bytes(folder: Path) -> bytes:
    """What makes a folder an extract or a sheet; the refusal names the folder itself."""
    if not folder.is_dir():
        raise FileUnreadable(str(folder), "it is a file, not a folder" if folder.exists() else "no such folder")
    if not (folder / MANIFEST).is_file():
        raise FileUnreadable(str(folder), f"the folder has no {MANIFEST}, so it is no extract and no sheet")
    return _bytes(folder, MANIFEST)


def _bytes(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise FileUnreadable(name, error.strerror or str(error)) from error


def text_of(files: Mapping[str, bytes], name: str) -> str:
    """A text file of a folder. Raises FileUnlisted, FileUnreadable (it is not UTF-8)."""
    try:
        return files[name].decode("utf-8-sig")
    except KeyError as error:
        raise FileUnlisted(name) from error
    except UnicodeDecodeError as error:
        raise FileUnreadable(name, f"it is not UTF-8 (byte {error.start})") from error


def _write_pieces(path: Path, pieces: Iterable[bytes]) -> str:
    """Write a file piece by piece; returns its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = sha256()
    with path.open("wb") as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by their names inside a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

"""Sealed bundles without a database: whatever is changed is found, and the first thing changed is named."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from survey.custody import bundles, checking, statements
from survey.custody.broken import BundleBroken, Fault

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2))
PUBLIC = KEY.public_key().public_bytes_raw()
TOLD = {"wave": "sipas-2026", "number": 1, "document": "12/QĐ-SNV, 05/8/2026", "previous": None}


def make(folder: Path) -> Path:
    """A bundle of two tables and two texts."""
    (folder / "extract").mkdir(parents=True)
    answers = [["unit", "A1", "A2"], *([f"75-{n:02}", str(n % 5 + 1), str((3 * n) % 5 + 1)] for n in range(40))]
    rows = [["unit", "code", "points"], *([f"75-{n:02}", "8.1", f"{n}.25"] for n in range(20))]
    for name, table in (("extract/answers.csv", answers), ("scores.csv", rows)):
        with (folder / name).open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table)
    lines = ",\n".join(json.dumps(dict(zip(rows[0], row, strict=True))) for row in rows[1:])
    (folder / "scores.json").write_text(f'{{\n "wave": "sipas-2026",\n "rows": [\n{lines}\n]\n}}\n', encoding="utf-8")
    (folder / "extract/scheme.toml").write_text('code = "x"\nmax = 16.5\n', encoding="utf-8")
    (folder / "scores.xlsx").write_bytes(b"PK not really a workbook")
    seal(folder, KEY)
    return folder


def seal(folder: Path, key: Ed25519PrivateKey, **other: object) -> None:
    (folder / statements.FILE).unlink(missing_ok=True)
    (folder / bundles.MARKS).unlink(missing_ok=True)
    bundles.add_marks(folder)
    told = TOLD | {"files": bundles.list_files(folder)} | other
    (folder / statements.FILE).write_bytes(statements.sign(told, key))


def refused(path: Path, public: bytes | None = PUBLIC) -> BundleBroken:
    with pytest.raises(BundleBroken) as caught, bundles.opened(path) as bundle:
        checking.check(bundle, public=public)
    return caught.value


def pack(folder: Path, whole: Path) -> None:
    statement = (folder / statements.FILE).read_bytes()
    (folder / statements.FILE).unlink()
    bundles.pack(folder, whole)
    bundles.finish(whole, statement)
    (folder / statements.FILE).write_bytes(statement)


def edit(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode())


def lines(folder: Path, name: str, change: Callable[[list[str]], None]) -> None:
    path = folder / name
    found = path.read_text(encoding="utf-8").splitlines(keepends=True)
    change(found)
    path.write_text("".join(found), encoding="utf-8")


def swap(found: list[str]) -> None:
    found[3], found[4] = found[4], found[3]


def statement(folder: Path, **other: object) -> None:
    told = json.loads((folder / statements.FILE).read_bytes())
    (folder / statements.FILE).write_bytes(statements.canonical({**told, **other}))


def field(folder: Path, name: str) -> None:
    told = json.loads((folder / statements.FILE).read_bytes())
    del told[name]
    (folder / statements.FILE).write_bytes(statements.canonical(told))


def answer_with_its_hash(folder: Path) -> None:
    """Changed with its hash in the statement: only the signature tells."""
    edit(folder, "extract/answers.csv", "75-07,3,2", "75-07,5,2")
    statement(folder, files=bundles.list_files(folder) | {statements.FILE: None})


TAMPERINGS: dict[str, tuple[Callable[[Path], object], Fault, str, int | None, str]] = {
    "an answer": (lambda f: edit(f, "extract/answers.csv", "75-07,3,2", "75-07,5,2"),
                  Fault.ROW_CHANGED, "extract/answers.csv", 9, "A1"),
    "an answer and its hash": (answer_with_its_hash, Fault.ROW_CHANGED, "extract/answers.csv", 9, "A1"),
    "a column's name": (lambda f: edit(f, "extract/answers.csv", "A2", "B2"),
                        Fault.ROW_CHANGED, "extract/answers.csv", 1, "B2"),
    "points in the table": (lambda f: edit(f, "scores.csv", "4.25", "9.25"),
                            Fault.ROW_CHANGED, "scores.csv", 6, "points"),
    "points in the JSON": (lambda f: edit(f, "scores.json", '"4.25"', '"9.25"'),
                           Fault.ROW_CHANGED, "scores.json", 8, "points"),
    "a key of a text": (lambda f: edit(f, "extract/scheme.toml", "16.5", "17.5"),
                        Fault.ROW_CHANGED, "extract/scheme.toml", 2, "max"),
    "a row taken out": (lambda f: lines(f, "extract/answers.csv", lambda rows: rows.pop(11)),
                        Fault.ROW_MISSING, "extract/answers.csv", 12, ""),
    "a row put in": (lambda f: lines(f, "extract/answers.csv", lambda rows: rows.insert(11, rows[11])),
                     Fault.ROW_ADDED, "extract/answers.csv", 13, ""),
    "a row at the end": (lambda f: lines(f, "extract/answers.csv", lambda rows: rows.append("75-99,5,5\n")),
                         Fault.ROW_ADDED, "extract/answers.csv", 42, ""),
    "rows in another order": (lambda f: lines(f, "scores.csv", swap), Fault.ROWS_MOVED, "scores.csv", 4, ""),
    "a file cut in a row": (lambda f: (f / "scores.csv").write_bytes((f / "scores.csv").read_bytes()[:-5]),
                            Fault.ROW_CHANGED, "scores.csv", 21, "points"),
    "a file cut in half": (lambda f: (f / "scores.csv").write_bytes((f / "scores.csv").read_bytes()[:100]),
                           Fault.CUT_OFF, "scores.csv", 7, ""),
    "other line ends": (lambda f: (f / "scores.csv").write_bytes(
        (f / "scores.csv").read_bytes().replace(b"\n", b"\r\n")), Fault.REWRITTEN, "scores.csv", None, ""),
    "the workbook": (lambda f: (f / "scores.xlsx").write_bytes(b"PK not really a WORKBOOK"),
                     Fault.CHANGED, "scores.xlsx", None, ""),
    "a file taken out": (lambda f: (f / "scores.xlsx").unlink(), Fault.FILE_MISSING, "scores.xlsx", None, ""),
    "a file put in": (lambda f: (f / "extract/x.csv").write_text("x"), Fault.FILE_ADDED, "extract/x.csv", None, ""),
    "the marks": (lambda f: edit(f, "marks.json", '"rows":"', '"rows":"0'), Fault.CHANGED, "marks.json", None, ""),
    "no seal": (lambda f: (f / "seal.json").unlink(), Fault.UNSEALED, "seal.json", None, ""),
    "the document": (lambda f: statement(f, document="13/QĐ"), Fault.FIELD_CHANGED, "seal.json", None, "document"),
    "the previous seal": (lambda f: statement(f, previous="00"), Fault.FIELD_CHANGED, "seal.json", None, "previous"),
    "a field more": (lambda f: statement(f, note="x"), Fault.FIELD_ADDED, "seal.json", None, "note"),
    "a field less": (lambda f: field(f, "number"), Fault.FIELD_MISSING, "seal.json", None, "number"),
    "the signature": (lambda f: statement(f, signature="0" * 128), Fault.SIGNATURE, "seal.json", None, ""),
    "the format": (lambda f: statement(f, format="hailong-seal-9"), Fault.CHANGED, "seal.json", None, "format"),
    "blanks in the seal": (lambda f: edit(f, "seal.json", '","', '", "'), Fault.REWRITTEN, "seal.json", None, ""),
    "half a seal": (lambda f: (f / "seal.json").write_bytes((f / "seal.json").read_bytes()[:300]),
                    Fault.CUT_OFF, "seal.json", None, ""),
    "another key": (lambda f: seal(f, OTHER), Fault.FOREIGN, "seal.json", None, "key"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
def test_whatever_is_changed_in_a_bundle_is_found_and_named(name: str, tmp_path: Path) -> None:
    tamper, fault, file, row, column = TAMPERINGS[name]
    folder = make(tmp_path / "bundle")
    tamper(folder)
    found = refused(folder)
    assert (found.fault, found.file, found.row, found.field) == (fault, file, row, column)


def test_a_bundle_that_nobody_touched_holds_as_a_folder_and_as_an_archive(tmp_path: Path) -> None:
    folder = make(tmp_path / "bundle")
    pack(folder, tmp_path / "whole.zip")
    bundles.place(tmp_path / "whole.zip", tmp_path / "again")
    bundles.place(tmp_path / "whole.zip", tmp_path / "again.zip")
    for path in (folder, tmp_path / "again", tmp_path / "again.zip"):
        with bundles.opened(path) as bundle:
            checked = checking.check(bundle, public=PUBLIC)
        assert checked.statement is not None
        assert (checked.statement["document"], checked.files) == (TOLD["document"], 6)


def test_any_byte_that_is_changed_in_an_archive_is_found(tmp_path: Path) -> None:
    whole, other = tmp_path / "whole.zip", tmp_path / "other.zip"
    pack(make(tmp_path / "bundle"), whole)
    data = whole.read_bytes()
    for place in range(0, len(data), 41):
        other.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        assert refused(other).bundle == "other.zip"
    for length in (0, 10, len(data) // 2, len(data) - 1):
        other.write_bytes(data[:length])
        assert refused(other).fault in {Fault.CUT_OFF, Fault.NOT_A_BUNDLE, Fault.PACKING}


def test_a_row_of_a_packed_file_is_named_though_its_check_sum_fails(tmp_path: Path) -> None:
    folder = make(tmp_path / "bundle")
    pack(folder, tmp_path / "whole.zip")
    edit(folder, "extract/answers.csv", "75-07,3,2", "75-07,5,2")
    with zipfile.ZipFile(tmp_path / "whole.zip") as old, zipfile.ZipFile(tmp_path / "new.zip", "w") as new:
        for entry in old.infolist():
            new.writestr(entry, (folder / entry.filename).read_bytes())
    found = refused(tmp_path / "new.zip")
    assert (found.fault, found.file, found.row, found.field, found.found) == (
        Fault.ROW_CHANGED, "extract/answers.csv", 9, "A1", "5",
    )  # fmt: skip


def test_an_archive_with_a_name_twice_or_leading_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    pack(make(tmp_path / "bundle"), tmp_path / "whole.zip")
    shutil.copy(tmp_path / "whole.zip", tmp_path / "twice.zip")
    with zipfile.ZipFile(tmp_path / "whole.zip", "a") as packed:
        packed.writestr("../out.txt", "x")
    assert refused(tmp_path / "whole.zip").fault is Fault.FILE_ADDED
    assert not (tmp_path / "out.txt").exists()
    with zipfile.ZipFile(tmp_path / "twice.zip", "a") as packed, pytest.warns(UserWarning, match="Duplicate"):
        packed.writestr("scores.csv", "x")
    assert refused(tmp_path / "twice.zip").fault is Fault.FILE_TWICE


def test_a_key_that_is_not_named_is_not_believed_nor_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "bundle")
    seal(folder, OTHER)
    with bundles.opened(folder) as bundle:
        checking.check(bundle, public=None)
    assert refused(folder, PUBLIC).fault is Fault.FOREIGN

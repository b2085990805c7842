"""Changes of a copy of a sealed bundle, archive, statement, database or log, for the study of tampering."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from survey.custody import bundles, statements

Change = Callable[[Path], None]


def lines(name: str, change: Callable[[list[str]], object]) -> Change:
    def apply(copy: Path) -> None:
        path = copy / "seal" / name
        rows = path.read_bytes().decode().splitlines(keepends=True)
        change(rows)
        path.write_bytes("".join(rows).encode())

    return apply


def swap(rows: list[str], first: int, second: int) -> None:
    rows[first], rows[second] = rows[second], rows[first]


def cell(name: str, row: int, column: int, value: str) -> Change:
    """Put another value into a cell of a table (rows without quotes)."""

    def change(rows: list[str]) -> None:
        cells = rows[row - 1].rstrip("\n").split(",")
        cells[column] = value if cells[column] != value else "3"
        rows[row - 1] = ",".join(cells) + "\n"

    return lines(name, change)


def number(name: str, row: int, column: str) -> Change:
    """Add one to the first number of a column at or after a row."""

    def change(rows: list[str]) -> None:
        place = rows[0].lstrip("\ufeff").rstrip("\n").split(",").index(column)
        for at in range(row, len(rows)):
            cells = rows[at].rstrip("\n").split(",")
            if '"' not in rows[at] and cells[place]:
                cells[place] = f"{float(cells[place]) + 1:.6f}"
                rows[at] = ",".join(cells) + "\n"
                return

    return lines(name, change)


def text(name: str, old: str, new: str) -> Change:
    def apply(copy: Path) -> None:
        path = copy / "seal" / name
        path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")

    return apply


def cut(name: str, share: float) -> Change:
    def apply(copy: Path) -> None:
        data = (copy / "seal" / name).read_bytes()
        (copy / "seal" / name).write_bytes(data[: int(len(data) * share)])

    return apply


def flip(name: str) -> Change:
    def apply(copy: Path) -> None:
        data = bytearray((copy / "seal" / name).read_bytes())
        data[len(data) // 2] ^= 1
        (copy / "seal" / name).write_bytes(bytes(data))

    return apply


def points_in_json(copy: Path) -> None:
    path = copy / "seal/scores.json"
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(place for place, row in enumerate(rows) if place > 60 and '"points": "' in row)
    told = json.loads(rows[at].rstrip().rstrip(","))
    told["points"] = f"{float(told['points']) + 1:.6f}"
    rows[at] = json.dumps(told, ensure_ascii=False) + ",\n"
    path.write_text("".join(rows), encoding="utf-8")


def put(path: Path) -> None:
    path.write_text("x", encoding="utf-8")


def truncate(copy: Path) -> None:
    data = (copy / "seal.zip").read_bytes()
    (copy / "seal.zip").write_bytes(data[:-1024])


def bit(copy: Path) -> None:
    data = bytearray((copy / "seal.zip").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "seal.zip").write_bytes(bytes(data))


def packing(copy: Path) -> None:
    data = bytearray((copy / "seal.zip").read_bytes())
    data[data.rindex(b"PK\x01\x02") + 12] ^= 1
    (copy / "seal.zip").write_bytes(bytes(data))


def twice(copy: Path) -> None:
    with zipfile.ZipFile(copy / "seal.zip", "a") as packed:
        packed.writestr("scores.csv", "x")


def field(name: str, value: Any) -> Change:
    def apply(copy: Path) -> None:
        path = copy / "seal/seal.json"
        path.write_bytes(statements.canonical(json.loads(path.read_bytes()) | {name: value}))

    return apply


def with_hash(copy: Path) -> None:
    cell("extract/answers.csv", 7, -1, "1")(copy)
    field("files", _files(copy))(copy)


def _files(copy: Path) -> dict[str, Any]:
    return {name: one for name, one in bundles.list_files(copy / "seal").items() if name != statements.FILE}


def _sign(copy: Path) -> None:
    path = copy / "seal/seal.json"
    told = {key: value for key, value in json.loads(path.read_bytes()).items() if not key.startswith("signature")}
    path.unlink()
    (copy / "seal" / bundles.MARKS).unlink()
    bundles.add_marks(copy / "seal")
    path.write_bytes(statements.sign(told | {"files": _files(copy)}, Ed25519PrivateKey.generate()))


def other_key(copy: Path) -> None:
    number("scores.csv", 40, "points")(copy)
    _sign(copy)


def forged(copy: Path) -> None:
    """Who reads the bundle has no key to compare with: only computing again tells."""
    number("scores.csv", 40, "points")(copy)
    _sign(copy)


def forged_workbook(copy: Path) -> None:
    """One number of the import table, with the archive packed as before."""
    book = copy / "seal/scores.xlsx"
    with zipfile.ZipFile(book) as before:
        parts = {one.filename: before.read(one) for one in before.infolist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = re.sub(rb"<v>[0-9.]+</v>", b"<v>77</v>", parts[name], count=1)
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as after:
        for part, data in parts.items():
            after.writestr(part, data)
    _sign(copy)


def forged_decision(copy: Path) -> None:
    text("decisions.json", '"answers":', '"answers":1')(copy)
    _sign(copy)


def lying(name: str, value: Any) -> Change:
    """A statement that says something else than the files that it signs."""

    def apply(copy: Path) -> None:
        path = copy / "seal/seal.json"
        told = json.loads(path.read_bytes())
        found = told[name]
        told[name] = {**found, **value} if isinstance(value, dict) and isinstance(found, dict) else value
        path.write_bytes(statements.canonical(told))
        _sign(copy)

    return apply


def sql(*statements_: str) -> Change:
    def apply(copy: Path) -> None:
        with sqlite3.connect(copy / "site.db") as connection:
            changed = sum(connection.execute(one).rowcount for one in statements_)
        assert changed, statements_

    return apply


def rewrite_log(copy: Path) -> None:
    """A whole new chain that holds together, made by who can write to the table."""
    with sqlite3.connect(copy / "site.db") as connection:
        connection.execute("update audit_entry set actor = 'x' where number = 3")
        previous = bytes(32)
        rows = connection.execute(
            "select number, at, actor, action, subject, detail from audit_entry order by number"
        ).fetchall()
        for row in rows:
            at = datetime.fromisoformat(row[1]).replace(tzinfo=UTC).isoformat(timespec="microseconds")
            told = json.dumps([row[0], at, *row[2:]], ensure_ascii=False, separators=(",", ":"))
            hash_ = hashlib.sha256(previous + told.encode()).digest()
            values = (previous, hash_, row[0])
            connection.execute("update audit_entry set previous = ?, hash = ? where number = ?", values)
            previous = hash_

"""The extract folder: canonical bytes, verified hashes, every refusal names file, row and column."""

from __future__ import annotations

import hashlib
import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from analysis.__main__ import main
from analysis.components.grouping import count_answers
from analysis.components.index import index_codes
from analysis.components.tables import number_text, read_number
from analysis.errors import (
    CellInvalid,
    CodeUnknown,
    ColumnMissing,
    DuplicateKey,
    FileChanged,
    FileUnlisted,
    FileUnreadable,
    KeyInvalid,
)
from analysis.extract import Extract, make_extract, read_extract, score, write_extract, write_scores
from analysis.fold.sources import Arrays, Csv, Source


def shuffled(extract: Extract, seed: int) -> Extract:
    """The same content in another order of rows, as another database would give it."""
    rng = random.Random(seed)
    table = extract.answers
    columns = {name: (table.texts.get(name) or table.items.get(name)) for name in table.header()}
    order = list(range(table.rows))
    rng.shuffle(order)
    answers = {name: [column.values()[row] for row in order] for name, column in columns.items() if column is not None}
    answers |= {"fpc": [table.fpc[row] for row in order], "weight_base": [table.weight_base[row] for row in order]}
    small: dict[str, dict[str, list[Any]]] = {}
    for name in ("sample", "margins", "inputs"):
        records = list(getattr(extract, name))
        rng.shuffle(records)
        names = {"sample": "unit stratum class_ population drawn kept invited answered weight_sum",
                 "margins": "margin unit level total", "inputs": "unit code value source"}[name].split()  # fmt: skip
        small[name] = {column.rstrip("_"): [getattr(one, column) for one in records] for column in names}
    return make_extract(
        answers=answers, **small, instrument=extract.instrument.text, schemes=[one.text for one in extract.schemes],
        manifest=extract.manifest.told, previous=extract.previous,
    )  # fmt: skip


def test_a_folder_reads_back_to_the_same_scores_and_the_same_bytes(make: Any, tmp_path: Path) -> None:
    extract = make.drawn(1)[0].extract()
    write_extract(extract, tmp_path)
    again = read_extract(tmp_path)
    assert again.files == extract.files
    assert again.digest == extract.digest
    assert score(again).rows == score(extract).rows


def test_the_order_of_the_database_changes_neither_bytes_nor_digits(make: Any) -> None:
    extract = make.drawn(2)[0].extract()
    other = shuffled(extract, 5)
    assert other.digest == extract.digest
    assert score(other).rows == score(extract).rows


def test_a_changed_file_is_refused_by_name(make: Any, tmp_path: Path) -> None:
    write_extract(make.drawn(1)[0].extract(), tmp_path)
    data = (tmp_path / "answers.csv").read_bytes()
    (tmp_path / "answers.csv").write_bytes(data.replace(b",5,", b",4,", 1))
    with pytest.raises(FileChanged, match=r"answers\.csv"):
        read_extract(tmp_path)


def test_a_missing_or_unlisted_file_is_refused_by_name(make: Any, tmp_path: Path) -> None:
    write_extract(make.drawn(1)[0].extract(), tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    del manifest["hashes"]["sample.csv"]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(FileUnlisted, match=r"sample\.csv"):
        read_extract(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(FileUnreadable, match=r"manifest\.json"):
        read_extract(tmp_path)


def test_a_manifest_cannot_name_a_file_outside_the_folder(make: Any, tmp_path: Path) -> None:
    write_extract(make.drawn(1)[0].extract(), tmp_path / "in")
    (tmp_path / "secret").write_text("x")
    manifest = json.loads((tmp_path / "in/manifest.json").read_text())
    manifest["hashes"]["../secret"] = "0" * 64
    (tmp_path / "in/manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(FileUnreadable, match="outside the folder"):
        read_extract(tmp_path / "in")


def test_an_answer_outside_its_scale_is_refused_with_row_and_column(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [["5", "4", "3", "6"]])
    with pytest.raises(CellInvalid) as refused:
        tables.extract()
    assert (refused.value.file, refused.value.row, refused.value.column) == ("answers.csv", 2, "S4")


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("column", "value"),
    [("weight_base", -1), ("weight_base", 0), ("weight_base", NAN), ("weight_base", INFINITE), ("fpc", "many"),
     ("mode", "zalo")],
)  # fmt: skip
def test_a_cell_that_is_not_what_it_should_be_is_refused(make: Any, column: str, value: object) -> None:
    tables = make.tables()
    tables.cell("u1", [["5", "4", "3", "1"]] * 3)
    tables.answers[column][1] = value
    with pytest.raises(CellInvalid) as refused:
        tables.extract()
    assert (refused.value.column, refused.value.row) == (column, 3)


def test_a_missing_column_an_unknown_unit_and_a_repeated_class_are_refused(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [["5", "4", "3", "1"]])
    tables.answers["unit"][0] = "u9"
    with pytest.raises(CodeUnknown, match="u9"):
        tables.extract()
    tables = make.tables()
    tables.cell("u1", [["5", "4", "3", "1"]])
    tables.cell("u1", [["5", "4", "3", "1"]])
    with pytest.raises(DuplicateKey, match=r"sample\.csv"):
        tables.extract()
    tables.sample.pop("kept")
    tables.sample["other"] = []
    extract = make.drawn(1)[0].extract()
    with pytest.raises(ColumnMissing, match="kept"):
        make_extract(
            answers={name: [] for name in extract.answers.header()}, sample={"unit": [], "stratum": [], "class": [],
            "population": [], "drawn": []}, margins={}, inputs={}, instrument=extract.instrument.text,
            schemes=[], manifest=extract.manifest.told,
        )  # fmt: skip


def test_another_encoding_is_refused_by_name(make: Any, tmp_path: Path) -> None:
    tables = make.tables()
    tables.cell("xã", [["5", "4", "3", "1"]])
    extract = tables.extract()
    files = dict(extract.files)
    wrong = files["sample.csv"].decode().encode("latin-1")
    write_extract(extract, tmp_path)
    manifest = json.loads(files["manifest.json"])
    manifest["hashes"]["sample.csv"] = hashlib.sha256(wrong).hexdigest()
    (tmp_path / "sample.csv").write_bytes(wrong)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(FileUnreadable, match=r"sample\.csv.*UTF-8"):
        read_extract(tmp_path)


def test_a_scheme_without_a_key_that_a_province_decides_on_is_refused(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [["5", "4", "3", "1"]])
    tables.schemes = [make.scheme().replace("min_valid_item = 10\n", "")]
    with pytest.raises(KeyInvalid) as refused:
        tables.extract()
    assert (refused.value.file, refused.value.key) == ("scheme.toml", "min_valid_item")


def test_the_command_writes_the_folder_of_the_contract(make: Any, tmp_path: Path, capsys: Any) -> None:
    extract = make.drawn(3)[0].extract()
    write_extract(extract, tmp_path / "extract")
    assert main(["score", str(tmp_path / "extract"), "--out", str(tmp_path / "out")]) == 0
    assert extract.digest in capsys.readouterr().out
    write_scores(score(extract), tmp_path / "library")
    for name in ("scores.json", "scores.csv", "scores.schema.json", "manifest.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "library" / name).read_bytes()
    assert (tmp_path / "out/scores.csv").read_bytes().startswith(b"\xef\xbb\xbfyear,scheme,wave,unit,level_of,code,")


def test_the_command_refuses_with_one_and_the_reason(make: Any, tmp_path: Path, capsys: Any) -> None:
    write_extract(make.drawn(1)[0].extract(), tmp_path)
    (tmp_path / "margins.csv").write_text("margin\n")
    assert main(["score", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "margins.csv" in capsys.readouterr().err


def test_every_row_fits_the_schema_beside_it(make: Any, tmp_path: Path) -> None:
    tables, _ = make.drawn(4)
    tables.answers["flag"][3] = "suspected"
    write_scores(score(tables.extract()), tmp_path)
    schema = json.loads((tmp_path / "scores.schema.json").read_text())
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert set(scores) == set(schema["required"])
    row_schema = schema["$defs"]["row"]
    for row in scores["rows"]:
        assert list(row) == row_schema["required"]
        for name, cell in row.items():
            rule = row_schema["properties"][name]
            if "enum" in rule:
                assert cell in rule["enum"], (name, cell)
            elif cell is None:
                assert "null" in rule["type"], name
            elif "pattern" in rule:
                assert re.search(rule["pattern"], cell), (name, cell)


def as_parquet(extract: Extract, folder: Path, **columns: Any) -> None:
    """The same folder with answers.parquet in the place of answers.csv."""
    from pyarrow import parquet, table

    write_extract(extract, folder)
    told = {name: text.values() for name, text in {**extract.answers.texts, **extract.answers.items}.items()}
    told |= {"fpc": extract.answers.fpc.tolist(), "weight_base": extract.answers.weight_base.tolist(), **columns}
    parquet.write_table(table(told), folder / "answers.parquet", row_group_size=50)
    (folder / "answers.csv").unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["hashes"]["answers.csv"]
    manifest["hashes"]["answers.parquet"] = hashlib.sha256((folder / "answers.parquet").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_answers_as_parquet_give_the_same_digits(make: Any, tmp_path: Path) -> None:
    extract = make.drawn(6)[0].extract()
    as_parquet(extract, tmp_path)
    again = read_extract(tmp_path)
    assert score(again).rows == score(extract).rows
    assert again.answers.weight_base.tolist() == extract.answers.weight_base.tolist()
    assert again.digest != extract.digest  # it names the file that was read
    write_extract(again, tmp_path / "copy")
    assert read_extract(tmp_path / "copy").digest == again.digest


def test_an_absent_cell_of_parquet_is_an_empty_one_of_the_csv(make: Any, tmp_path: Path) -> None:
    tables = make.tables()
    tables.cell("u1", [["5", "4", "", "1"], ["5", "", "3", "."]] * 8)
    tables.answers["fpc"] = [""] * 16
    extract = tables.extract()
    empty = {name: [cell or None for cell in text.values()] for name, text in extract.answers.items.items()}
    empty |= {name: [cell or None for cell in extract.answers[name].values()] for name in ("psu", "flag")}
    for number, fpc in enumerate(([None] * 16, [float("inf")] * 16, [""] * 16)):
        as_parquet(extract, tmp_path / str(number), **empty, fpc=fpc)
        assert score(read_extract(tmp_path / str(number))).rows == score(extract).rows


def test_a_bad_cell_of_parquet_is_refused_with_row_and_column(make: Any, tmp_path: Path) -> None:
    extract = make.drawn(1)[0].extract()
    for column, cell in (("S2", "6"), ("mode", "zalo"), ("weight_base", -1.0), ("fpc", 0.0)):
        known = extract.answers.texts.get(column) or extract.answers.items.get(column)
        cells = known.values() if known else getattr(extract.answers, column).tolist()
        cells[60] = cell
        as_parquet(extract, tmp_path, **{column: cells})
        with pytest.raises(CellInvalid) as refused:
            read_extract(tmp_path)
        assert (refused.value.file, refused.value.row, refused.value.column) == ("answers.parquet", 62, column)
    as_parquet(extract, tmp_path, S1=[5] * extract.answers.rows)
    with pytest.raises(CellInvalid, match="column of text"):
        read_extract(tmp_path)


def test_neither_chunks_nor_workers_nor_a_file_change_a_digit(make: Any, tmp_path: Path) -> None:
    extract = make.drawn(7, units=8)[0].extract()
    write_extract(extract, tmp_path)
    form, members = extract.instrument, index_codes(extract.instrument).members
    columns = extract.file.source().columns
    sources: list[Source] = [
        Arrays(columns, 64, 17),
        Csv((tmp_path / "answers.csv",), frozenset(), block=4000, rows_a_chunk=50),
    ]
    for source in sources:
        with ThreadPoolExecutor(3) as pool:
            groups = count_answers(source, form.scored, form.satisfied, members, executor=pool)
        assert groups.groups == extract.groups.groups
        for name, sums in extract.groups.sums.alone.whole.items():
            assert (groups.sums.alone.whole[name] == sums).all()


def test_a_wave_without_answers_reads_back(make: Any, tmp_path: Path) -> None:
    tables = make.tables()
    tables.cell("u1", [], population=50, invited=10)
    extract = tables.extract()
    write_extract(extract, tmp_path)
    assert score(read_extract(tmp_path)).rows == score(extract).rows


def edited(make: Any, folder: Path, name: str, edit: Any) -> Path:
    tables = make.drawn(1)[0]
    tables.input("u000", "1.1", 50)
    return Path(make.edited(tables, folder, name, edit))


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("sample.csv", "population", "-1"), ("sample.csv", "population", "1"), ("sample.csv", "kept", "999"),
        ("sample.csv", "weight_sum", "-1"), ("sample.csv", "drawn", "1_0"), ("sample.csv", "population", "１００"),
        ("margins.csv", "margin", "clas"), ("margins.csv", "total", "-5"), ("margins.csv", "total", " 5"),
        ("inputs.csv", "value", "1_0"), ("inputs.csv", "value", "nan"), ("inputs.csv", "value", "٥"),
        ("answers.csv", "weight_base", "1_0"), ("answers.csv", "fpc", "１４６"), ("answers.csv", "fpc", " 5"),
        ("answers.csv", "phase", ""),
    ],
)  # fmt: skip
def test_a_cell_that_contradicts_its_row_or_is_no_plain_number_is_refused(
    make: Any, tmp_path: Path, name: str, column: str, value: str
) -> None:
    with pytest.raises(CellInvalid) as refused:
        score(read_extract(edited(make, tmp_path, name, make.cell(2, column, value))))
    assert (refused.value.file, refused.value.row, refused.value.column) == (name, 2, column)


@pytest.mark.parametrize("name", ["sample.csv", "margins.csv", "inputs.csv"])
def test_a_unit_that_the_manifest_does_not_have_is_refused_in_every_table(make: Any, tmp_path: Path, name: str) -> None:
    with pytest.raises(CodeUnknown, match=rf"{name}.*u9"):
        read_extract(edited(make, tmp_path, name, make.cell(2, "unit", "u9")))


@pytest.mark.parametrize("number", ["1e-07", "2.5e+20", "12", "0.1"])
def test_numbers_as_they_are_written_are_read(number: str) -> None:
    assert number_text(read_number(number)) in (number, str(float(number)))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hashes", None), ("hashes", []), ("hashes", {"answers.csv": 1}), ("units", None), ("units", [1]),
        ("province", None), ("wave", None), ("wave", ""), ("kind", []), ("year", True), ("period_from", "2025-99-01"),
        ("period_from", "20250101"), ("period_to", "2024-01-01"), ("period_to", None),
    ],
)  # fmt: skip
def test_a_manifest_that_is_not_what_it_should_be_is_refused_by_key(
    make: Any, tmp_path: Path, key: str, value: object
) -> None:
    def edit(data: bytes) -> bytes:
        return json.dumps({**json.loads(data), key: value}).encode()

    with pytest.raises(KeyInvalid) as refused:
        read_extract(edited(make, tmp_path, "manifest.json", edit))
    assert (refused.value.file, key) == ("manifest.json", refused.value.place or refused.value.key)


@pytest.mark.parametrize(
    ("old", "new"),
    [("min = 90", "min = nan"), ("min = 90", 'min = "x"'), ("max = 12", "max = inf"), ("target = 200", "target = nan"),
     ("5 = 1.0", "5 = nan"), ("XA = 1", "XA = inf"), ("XA = 1", 'XA = "x"')],
)  # fmt: skip
def test_a_scheme_whose_numbers_are_not_numbers_is_refused(make: Any, old: str, new: str) -> None:
    tables = make.tables()
    tables.cell("u1", [["5", "4", "3", "1"]])
    tables.schemes = [make.scheme().replace(old, new)]
    with pytest.raises(KeyInvalid, match=r"scheme\.toml"):
        tables.extract()


def test_a_row_of_another_length_is_named_by_file_and_number(make: Any, tmp_path: Path) -> None:
    for number, line in enumerate((b"1,link\n", b"\n")):
        folder = edited(make, tmp_path / str(number), "answers.csv", lambda data, line=line: data + line)
        rows = (folder / "answers.csv").read_bytes().count(b"\n")
        with pytest.raises((CellInvalid, FileUnreadable)) as refused:
            read_extract(folder)
        told = str(refused.value)
        assert "answers.csv" in told
        assert str(tmp_path) not in told
        assert f"row {rows}" in told.lower().replace("#", "")

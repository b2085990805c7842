"""Files of answers for statisticians: what is missing is no number to Stata and Parquet, columns have their words."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyreadstat
import pytest

from survey import codebook, ddi
from survey.instrument import Instrument, builtin_instrument
from survey.jobs import answer_files
from survey.jobs.answer_files import WRITERS, Answers

SAID = [1, 5, codebook.NOT_APPLIES, codebook.NOT_SAID, 3] * 9000  # more than are marked at once


@pytest.fixture
def instrument() -> Instrument:
    return builtin_instrument("service-2025")


@pytest.fixture
def answers(instrument: Instrument) -> Answers:
    told = codebook.variables(instrument)
    size = len(SAID)
    head: dict[str, Any] = {"phase": np.ones(size, dtype=np.int8)}
    head |= {name: pd.Categorical(["a", "bc", ""] * (size // 3)) for name in codebook.NAMES}
    head |= {"weight_base": np.arange(size) / 7}
    items = {one.name: np.array(SAID, dtype=np.int32 if one.is_number else np.int8) for one in told}
    return Answers(pd.DataFrame(head | items), codebook.heads(instrument), told)


def written(answers: Answers, folder: Path, kind: str) -> Path:
    path = folder / f"answers.{kind}"
    WRITERS[kind](answers, path)
    return path


def test_stata_knows_what_is_missing_and_why(answers: Answers, tmp_path: Path) -> None:
    path = written(answers, tmp_path, "dta")
    frame, meta = pyreadstat.read_dta(str(path))
    kept, _meta = pyreadstat.read_dta(str(path), user_missing=True)
    for one in answers.variables:
        assert frame[one.name].dropna().isin([1, 3, 5]).all()
        assert frame[one.name].isna().sum() == 2 * len(SAID) // 5
        assert kept[one.name].tolist() == [{-7: "a", -9: "b"}.get(value, value) for value in SAID]
    labels = meta.variable_value_labels[answers.variables[0].name]
    assert labels["a"] == "Không áp dụng hoặc không hỏi / Does not apply, or not asked"
    assert frame["weight_base"].tolist() == answers.frame["weight_base"].tolist()
    assert frame["unit"].tolist() == answers.frame["unit"].tolist()


def test_parquet_leaves_empty_what_is_missing_and_says_so(answers: Answers, tmp_path: Path) -> None:
    table = pq.read_table(written(answers, tmp_path, "parquet"))
    column = table.column(answers.variables[0].name)
    assert column.to_pylist()[:5] == [1, 5, None, None, 3]
    assert b"-9" in table.schema.field(answers.variables[0].name).metadata[b"empty"]


@pytest.mark.parametrize(("kind", "read"), [("sav", pyreadstat.read_sav), ("dta", pyreadstat.read_dta)])
def test_every_column_has_a_label_in_both_languages(answers: Answers, tmp_path: Path, kind: str, read: Any) -> None:
    _frame, meta = read(str(written(answers, tmp_path, kind)), metadataonly=True)
    assert set(meta.column_names) == set(answers.frame)
    for name, words in (*answers.heads.items(), *((one.name, one.label) for one in answers.variables)):
        vi, en = meta.column_names_to_labels[name].split(" / ", 1)
        assert words("vi").startswith(vi.rstrip("…")), name
        assert words("en").startswith(en.rstrip("…")), name
        assert len(en) >= min(len(words("en")), 30)


def test_codebook_and_ddi_name_every_column_of_the_files(answers: Answers, instrument: Instrument) -> None:
    columns = list(answers.frame)
    assert list(dict.fromkeys(line[0] for line in codebook.lines(instrument))) == columns
    days = (date(2026, 1, 1), date(2026, 6, 30))
    root = ET.fromstring(ddi.describe(ddi.Study("w", "citizens", days, days, 5), instrument))  # noqa: S314 our own
    assert [one.get("name") for one in root.iter("{ddi:codebook:2_5}var")] == columns
    assert answer_files.LETTERS.keys() == {number for number, _words in codebook.MISSING}

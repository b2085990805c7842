"""What goes in and out of the API: one model a thing, each field with what it means."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from survey.stages.exports import COLUMNS

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
WRITTEN = r"^[^\x00]*$"  # what a text file can hold
NUMERIC = r"^(-?[0-9]{1,14}(\.[0-9]{1,6})?)?$"  # empty: not given
MOST_ROWS, MOST_POINTS = 2000, 20_000


class WavePath(BaseModel):
    """One wave by its code."""

    wave: Code


class BundlePath(WavePath):
    """One sealed bundle of a wave by its number."""

    number: int = Field(ge=1, le=10_000)


class IndexPath(BaseModel):
    """The index of one scheme and year."""

    scheme: Code
    year: int = Field(ge=2000, le=2100)


class ScoresQuery(BaseModel):
    """Which figures; `after` is the `next` of the page before."""

    level_of: Code | None = None
    unit: Code | None = None
    official: bool = Field(default=False, description="Only the rule and weighting that the scheme names.")
    after: int = Field(default=-1, ge=-1, le=2**31 - 1)
    limit: int = Field(default=500, ge=1, le=MOST_ROWS)


class Wave(BaseModel):
    """A wave: what is asked, of whom, when."""

    code: str
    kind: str = Field(description="real, or rehearsal: never counts")
    audience: str
    state: str
    period_from: date
    period_to: date
    opens: datetime
    closes: datetime
    instrument: str
    schemes: list[str]


class Waves(BaseModel):
    waves: list[Wave]


class Unit(BaseModel):
    """A rated unit of a wave."""

    code: str
    name_vi: str
    name_en: str
    type: str
    target: int


class Units(BaseModel):
    wave: str
    units: list[Unit]


class Cell(BaseModel):
    """How far a unit (officials: a rater group, completed rounded down to 5) is."""

    code: str
    name_vi: str
    name_en: str
    type: str
    target: int
    invited: int
    completed: int
    left: int


class Progress(BaseModel):
    """Counts alone: nothing in them depends on what was answered."""

    wave: str
    state: str
    cells: list[Cell]


class Stratum(BaseModel):
    """Counts of a joint class of a unit; at least 10 people can be invited in each."""

    code: str
    dossiers: int
    released: int
    reserve: int
    sent: int
    delivered: int
    opened: int
    completed: int
    refused: int


class BoardUnit(BaseModel):
    """A unit of the board; of a rater group only the first seven values are told."""

    code: str
    name_vi: str
    name_en: str
    target: int
    released: int
    completed: int
    left: int
    state: str | None = None
    reserve: int | None = None
    sent: int | None = None
    delivered: int | None = None
    opened: int | None = None
    refused: int | None = None
    at_counters: int | None = None
    pace: str | None = Field(default=None, description="Forms a day, over the last three days.")
    target_met_on: date | None = None
    half_width: str | None = Field(default=None, description="In points at 95 %, from counts and planning values.")
    answers_needed: int | None = None
    precise_on: date | None = None
    response_rates: dict[str, str | None] | None = Field(default=None, description="AAPOR RR1 to RR4, 0 to 1.")
    cells: list[Stratum] | None = None


class Board(BaseModel):
    """The board: nothing in it depends on what was answered. `as_of`: an instant; officials: the day of the count."""

    wave: str
    kind: str
    audience: str
    state: str
    closes: datetime
    as_of: str
    wanted_half_width: str
    units: list[BoardUnit]


_FIELDS: dict[str, Any] = dict.fromkeys(COLUMNS, (str | None, None))
Figure = create_model("Figure", __doc__="One row of scores.csv; numbers are decimal text, absent is null.", **_FIELDS)


class Scores(BaseModel):
    """A page of a run's figures; `next` is null on the last."""

    wave: str
    kind: str
    state: str = Field(description="Figures are final when the wave is sealed.")
    run: str
    extract: str
    code_version: str
    made_at: datetime
    rows: list[Figure]  # type: ignore[valid-type]  # made from the contract's columns
    next: int | None


class Bundle(BaseModel):
    """A sealed bundle: what it is called, who let it out, how to know it again."""

    number: int
    counts: bool = Field(description="Whether this seal counts; a later one replaces it.")
    sealed_at: datetime
    document: str
    reason: str | None = Field(description="Why it replaces the one before.")
    seal: str = Field(description="SHA-256 of the signed statement; also the ETag of the file.")
    key: str = Field(description="The public key (Ed25519) that signed it, in hexadecimal digits.")
    bytes: int
    file: str = Field(description="Where the archive is, relative to this site.")


class Bundles(BaseModel):
    wave: str
    bundles: list[Bundle]


class Point(BaseModel):
    """`points` of one unit and code, or in `value` the figure that the scheme's rule turns into points, with their
    document. A code without such a rule may have its points in `value`. One of the two is given, not both."""

    model_config = ConfigDict(extra="forbid")
    unit: Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=WRITTEN)]
    code: Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=WRITTEN)]
    value: Annotated[str, StringConstraints(pattern=NUMERIC)] = ""
    points: Annotated[str, StringConstraints(pattern=NUMERIC)] = ""
    source: Annotated[str, StringConstraints(max_length=300, pattern=WRITTEN)] = ""


class Points(BaseModel):
    """All of it is taken or nothing; the same again changes nothing."""

    model_config = ConfigDict(extra="forbid")
    source: Annotated[str, StringConstraints(max_length=300, pattern=WRITTEN)] = ""
    dry_run: bool = False
    rows: list[Point] = Field(min_length=1, max_length=MOST_POINTS)


class PointsTaken(BaseModel):
    """What the import did."""

    rows: int
    units: int
    new: int
    changed: int
    unchanged: int
    dry_run: bool
    doubtful: list[int] = Field(
        description="Rows, the first being 2, whose value earns less by its rule than as points."
    )

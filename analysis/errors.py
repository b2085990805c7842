"""Every refusal of the analysis: one leaf per reason a caller may act on, carrying what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class AnalysisError(Exception):
    """Root of all refusals of `analysis`; `str()` is a plain English sentence."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), dict(vars(self)))


def _revive(leaf: type[AnalysisError], data: dict[str, Any]) -> AnalysisError:
    return leaf(**data)


@dataclass(eq=False)
class ColumnMissing(AnalysisError):
    column: str
    source: str = ""

    def __str__(self) -> str:
        return f"column {self.column!r} is missing{_in(self.source)}"


@dataclass(eq=False)
class FileUnreadable(AnalysisError):
    path: str
    reason: str

    def __str__(self) -> str:
        return f"file {self.path} cannot be used: {self.reason}"


@dataclass(eq=False)
class LengthMismatch(AnalysisError):
    what: str
    expected: int
    found: int

    def __str__(self) -> str:
        return f"{self.what} has {self.found} rows where {self.expected} were expected"


@dataclass(eq=False)
class NotFinite(AnalysisError):
    what: str
    row: int

    def __str__(self) -> str:
        return f"{self.what} is missing or not a finite number at row {self.row}"


@dataclass(eq=False)
class NegativeWeight(AnalysisError):
    row: int
    weight: float

    def __str__(self) -> str:
        return f"weight {self.weight!r} at row {self.row} is negative"


@dataclass(eq=False)
class NoWeight(AnalysisError):
    what: str

    def __str__(self) -> str:
        return f"{self.what} carries no weight at all"


@dataclass(eq=False)
class PopulationTooSmall(AnalysisError):
    stage: int
    row: int
    population: float
    sampled: int

    def __str__(self) -> str:
        return (
            f"the stratum of row {self.row} at stage {self.stage} has {self.sampled} sampled units "
            f"but a population of only {self.population:g}"
        )


@dataclass(eq=False)
class PopulationVaries(AnalysisError):
    stage: int
    row: int

    def __str__(self) -> str:
        return f"the population size at stage {self.stage} changes within a stratum at row {self.row}"


@dataclass(eq=False)
class ClusterAcrossStrata(AnalysisError):
    stage: int
    row: int

    def __str__(self) -> str:
        return f"the cluster of row {self.row} at stage {self.stage} lies in more than one stratum (say so with nest)"


@dataclass(eq=False)
class LonelyStratum(AnalysisError):
    stage: int
    row: int

    def __str__(self) -> str:
        return f"the stratum of row {self.row} has only one sampled unit at stage {self.stage}"


@dataclass(eq=False)
class JointInvalid(AnalysisError):
    row: int
    column: int
    value: float

    def __str__(self) -> str:
        return (
            f"the joint probability of units {self.row} and {self.column} is {self.value!r}; allowed: above 0, at most "
            "that of either unit, the same both ways"
        )


@dataclass(eq=False)
class EmptyDomain(AnalysisError):
    domain: str

    def __str__(self) -> str:
        return f"domain {self.domain} has no answer with a positive weight"


@dataclass(eq=False)
class MarginLevelAbsent(AnalysisError):
    margin: str
    level: str
    total: float

    def __str__(self) -> str:
        return f"margin {self.margin}: {self.total:g} are wanted in {self.level!r} but the sample has none there"


@dataclass(eq=False)
class MarginLevelUnknown(AnalysisError):
    margin: str
    level: str

    def __str__(self) -> str:
        return f"margin {self.margin}: the sample has {self.level!r} but no population total is given for it"


@dataclass(eq=False)
class MarginTotalInvalid(AnalysisError):
    margin: str
    level: str
    total: float

    def __str__(self) -> str:
        return f"margin {self.margin}: the total {self.total!r} of {self.level!r} is not a count"


@dataclass(eq=False)
class MarginsContradict(AnalysisError):
    margin: str
    total: float
    other: str
    other_total: float

    def __str__(self) -> str:
        return f"margin {self.margin} adds up to {self.total:.10g} but {self.other} to {self.other_total:.10g}"


@dataclass(eq=False)
class NotConverged(AnalysisError):
    step: str
    margin: str
    misfit: float
    iterations: int

    def __str__(self) -> str:
        return (
            f"{self.step} did not converge in {self.iterations} iterations: "
            f"{self.margin} is still off by {self.misfit:.6g}"
        )


@dataclass(eq=False)
class OptionInvalid(AnalysisError):
    option: str
    value: object
    allowed: str

    def __str__(self) -> str:
        return f"{self.option} is {self.value!r}; allowed: {self.allowed}"


@dataclass(eq=False)
class Undefined(AnalysisError):
    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what} is not defined: {self.reason}"


def _in(source: str) -> str:
    return f" in {source}" if source else ""


@dataclass(eq=False)
class CellInvalid(AnalysisError):
    file: str
    row: int
    column: str
    value: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.file} row {self.row} column {self.column!r} is {self.value!r}; allowed: {self.allowed}"


@dataclass(eq=False)
class KeyInvalid(AnalysisError):
    file: str
    place: str
    key: str
    value: object
    allowed: str

    def __str__(self) -> str:
        return f"{self.file} {self.place} key {self.key!r} is {self.value!r}; allowed: {self.allowed}"


@dataclass(eq=False)
class DuplicateKey(AnalysisError):
    file: str
    key: str

    def __str__(self) -> str:
        return f"{self.file} names {self.key!r} twice"


@dataclass(eq=False)
class FileChanged(AnalysisError):
    file: str
    expected: str
    found: str

    def __str__(self) -> str:
        hashes = f"SHA-256 {self.expected[:12]}, found {self.found[:12]}"
        return f"{self.file} is not the file that the manifest names ({hashes})"


@dataclass(eq=False)
class FileUnlisted(AnalysisError):
    file: str

    def __str__(self) -> str:
        return f"{self.file} has no hash in manifest.json"


@dataclass(eq=False)
class CodeUnknown(AnalysisError):
    file: str
    column: str
    code: str
    source: str

    def __str__(self) -> str:
        return f"{self.file} column {self.column!r} names {self.code!r}, which {self.source} does not have"


@dataclass(eq=False)
class NotNested(AnalysisError):
    column: str
    code: str
    outer: str

    def __str__(self) -> str:
        return f"{self.column} {self.code!r} lies in more than one {self.outer}"


@dataclass(eq=False)
class CountsDisagree(AnalysisError):
    what: str
    place: str
    expected: float
    found: float

    def __str__(self) -> str:
        return f"{self.what} of {self.place}: the sample's tables say {self.expected:g}, {self.found:g} were found"


@dataclass(eq=False)
class MarginMissing(AnalysisError):
    margin: str
    level: str

    def __str__(self) -> str:
        return f"margins.csv has no total of {self.margin} {self.level!r}, which has answers"

"""A wave as its file states it (CONTRACT: wave.toml), read and checked whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from survey import datafile
from survey.config import PROVINCE_TIME
from survey.datafile import Report, Table, Words
from survey.errors.common import FileRefused
from survey.faults import Fault, FaultyFile, Reason
from survey.instrument import Audience, Instrument, builtin_instrument, load_instrument
from survey.precision import Aim
from survey.scheme import Scheme, builtin_scheme, check_scheme_against, load_scheme

ALL_UNITS = "*"
PRECISION = {  # what may stand in [precision], from the least to the most
    "half_width": (Decimal("0.5"), Decimal(40)),
    "share": (Decimal(50), Decimal("99.9")),
    "correlation": (Decimal(0), Decimal(1)),
    "deff": (Decimal("0.5"), Decimal(10)),
}


class Kind(StrEnum):
    """Whether the answers count; a rehearsal never does and its files say so."""

    REAL = "real"
    REHEARSAL = "rehearsal"


class Mode(StrEnum):
    """How an answer was given; it stays on the answer."""

    LINK = "link"
    PAPER = "paper"
    INTERVIEWER = "interviewer"
    INTERCEPT = "intercept"
    COUNTER = "counter"
    KIOSK = "kiosk"
    OPEN = "open"


@dataclass(frozen=True)
class WavePlan:
    """What a wave file says; times are aware, in the province's zone."""

    code: str
    kind: Kind
    audience: Audience
    instrument: str
    schemes: tuple[str, ...]
    province: str
    period_from: date
    period_to: date
    opens: datetime
    closes: datetime
    units: tuple[str, ...]
    target: int
    targets: tuple[tuple[str, int], ...]
    modes: tuple[Mode, ...]
    block: int
    documents: tuple[str, ...]
    sender: Words
    contact: Words
    precision: Aim
    folder: Path

    def read_instrument(self) -> Instrument:
        """The questionnaire that the file names: the code of a shipped one, or a TOML file beside the wave file."""
        return (
            load_instrument(self._beside(self.instrument))
            if _is_file(self.instrument)
            else builtin_instrument(self.instrument)
        )

    def read_schemes(self, kept: Mapping[str, str] | None = None) -> tuple[Scheme, ...]:
        """The schemes that the file names, in its order; each must find in the questionnaire what its rules ask.

        A name is that of a file beside, else the code of one that the province keeps (`kept`: its text), else of a
        shipped one.
        """
        instrument = self.read_instrument()
        schemes = tuple(self._scheme(name, kept or {}) for name in self.schemes)
        faults = tuple(fault for scheme in schemes for fault in check_scheme_against(scheme, instrument))
        codes = [scheme.code for scheme in schemes]  # a file beside may have the code of a shipped one
        faults += tuple(
            Fault(scheme.file, "", "code", Reason.DUPLICATE, scheme.code)
            for number, scheme in enumerate(schemes)
            if scheme.code in codes[:number]
        )
        if instrument.audience is not self.audience:
            detail = f'audience = "{self.audience}"'
            faults += (Fault(instrument.file, "", "audience", Reason.UNFIT, detail),)
        if faults:
            raise FaultyFile(faults[0].file, faults)
        return schemes

    def _scheme(self, name: str, kept: Mapping[str, str]) -> Scheme:
        if _is_file(name):
            return load_scheme(self._beside(name))
        return load_scheme(kept[name]) if name in kept else builtin_scheme(name)

    def _beside(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise FileRefused(reason="unreadable", detail=name)
        return path


def read_wave_file(source: Path | str, *, file: str = "wave.toml") -> WavePlan:
    """Read a wave file from a path or from its text; refuse it with all its faults (`FaultyFile`)."""
    name = source.name if isinstance(source, Path) else file
    report = Report(name)
    report.languages = ("vi", "en")
    table = datafile.open_table(datafile.canonical(source, name), report)
    plan = _read(table, source.parent if isinstance(source, Path) else Path())
    table.close()
    _check_sense(table, plan)
    _check_targets(table, plan)
    report.settle()
    return plan


def _read(table: Table, folder: Path) -> WavePlan:
    target, targets = _read_targets(table)
    return WavePlan(
        code=table.code(),
        kind=table.word("kind", Kind),
        audience=table.word("audience", Audience),
        instrument=table.text("instrument"),
        schemes=_read_schemes(table),
        province=table.code("province"),
        period_from=table.day("period_from"),
        period_to=table.day("period_to"),
        opens=table.moment("opens").replace(tzinfo=PROVINCE_TIME),
        closes=table.moment("closes").replace(tzinfo=PROVINCE_TIME),
        units=_read_units(table),
        target=target,
        targets=targets,
        modes=_read_modes(table),
        block=table.whole("block", least=1, default=8),
        documents=tuple(table.codes("documents", required=False)),
        sender=table.optional_words("sender"),
        contact=table.optional_words("contact"),
        folder=folder,
        precision=_read_precision(table),
    )


def _is_file(name: str) -> bool:
    return name.endswith(".toml")


def _read_schemes(table: Table) -> tuple[str, ...]:
    """One scheme, or a list of them: one for each level that the wave rates."""
    if table.is_text("scheme"):
        return (table.text("scheme"),)
    return _once(table, "scheme")


def _read_units(table: Table) -> tuple[str, ...]:
    if table.is_text("units"):
        return (table.text("units"),)
    return _once(table, "units")


def _once(table: Table, key: str, *, required: bool = True) -> tuple[str, ...]:
    """Codes of which none may come twice."""
    codes = table.codes(key, required=required)
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        table.fault(key, Reason.DUPLICATE, code)
    return codes


def _read_modes(table: Table) -> tuple[Mode, ...]:
    modes = _once(table, "modes", required=False) or (Mode.LINK.value,)
    unknown = [mode for mode in modes if mode not in set(Mode)]
    if unknown:
        table.fault("modes", Reason.NOT_ONE_OF, ", ".join(Mode))
    return tuple(Mode(mode) for mode in modes if mode not in unknown)


def _read_targets(table: Table) -> tuple[int, tuple[tuple[str, int], ...]]:
    """Completed questionnaires wanted of each unit: `default`, and units that want another number."""
    inner = table.table("targets", required=False)
    if inner is None:
        return 0, ()
    default = inner.whole("default", least=0, default=0)
    named = tuple((key, inner.whole(key, least=0)) for key in inner.keys() if key != "default")  # noqa: SIM118
    inner.close()
    return default, named


def _read_precision(table: Table) -> Aim:
    """How precise each unit's index is to be, in points, and the planning values that the board counts with."""
    inner = table.table("precision", required=False)
    if inner is None:
        return Aim()
    values = {key: inner.number(key) for key in inner.keys() if key in PRECISION}  # noqa: SIM118
    inner.close()
    for key, value in values.items():
        least, most = PRECISION[key]
        if not least <= value <= most:
            table.fault(f"precision.{key}", Reason.OUT_OF_RANGE, f"{least} – {most}")
    return Aim(**{key: float(value) for key, value in values.items()})


def _check_targets(table: Table, plan: WavePlan) -> None:
    """People are drawn by what is wanted of each unit; officials are asked all together."""
    if plan.audience is not Audience.CITIZENS:
        return
    if plan.target == 0 and not plan.targets:
        table.fault("targets", Reason.MISSING)
    for unit in (unit for unit, target in plan.targets if target == 0):
        table.fault(f"targets.{unit}", Reason.OUT_OF_RANGE, "0 < 1")


def _check_sense(table: Table, plan: WavePlan) -> None:
    if plan.period_from > plan.period_to:
        table.fault("period_to", Reason.OUT_OF_RANGE, f"{plan.period_to} < {plan.period_from}")
    if plan.opens >= plan.closes:
        table.fault("closes", Reason.OUT_OF_RANGE, f"{plan.closes:%Y-%m-%d %H:%M} <= {plan.opens:%Y-%m-%d %H:%M}")
    if not all(one.strip() for one in plan.documents):
        table.fault("documents", Reason.EMPTY)
    if plan.audience is Audience.OFFICIALS and plan.modes != (Mode.LINK,):
        table.fault("modes", Reason.UNFIT, f'audience = "{plan.audience}"')  # no poster: whoever passes is no rater

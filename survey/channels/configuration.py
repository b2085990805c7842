"""The channels of one installation, from a file (`HAILONG_CHANNELS`) and, for what is secret, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from survey import datafile
from survey.channels import texts, trial, wire
from survey.channels.contract import Adapter, Channel
from survey.channels.hooks import Hook, read_hooks
from survey.channels.mail import Mail, Security, Server
from survey.channels.sms import Sms
from survey.channels.texts import Texts
from survey.channels.zalo import Zalo
from survey.config import PROVINCE_TIME
from survey.datafile import Report, Table
from survey.faults import Reason

AUDIENCES = ("citizens", "officials")
USUAL = {
    "citizens": (Channel.ZALO, Channel.SMS, Channel.EMAIL, Channel.PRINT),
    "officials": (Channel.EMAIL, Channel.SMS),
}
QUIET_FROM, QUIET_TO = 20, 8  # hours of the province's clock between which nobody is disturbed
LATEST_HOUR, MOST_AT_ONCE = 24, 8
Environment = Mapping[str, str]


@dataclass(frozen=True)
class Channels:
    """What can be sent, in which order it is tried, when, and for how much."""

    order: Mapping[str, tuple[Channel, ...]]
    adapters: Mapping[Channel, Adapter]
    texts: Mapping[str, Texts]
    templates: Mapping[tuple[str, str], str]  # Zalo's, by step and language
    letter_price: int
    quiet_from: int
    quiet_to: int
    cap: int
    at_once: int
    trial: Path | None
    hooks: tuple[Hook, ...] = ()

    def is_quiet(self, now: datetime) -> bool:
        """Whether people sleep in the province."""
        hour = now.astimezone(PROVINCE_TIME).hour
        if self.quiet_from <= self.quiet_to:
            return self.quiet_from <= hour < self.quiet_to
        return hour >= self.quiet_from or hour < self.quiet_to

    def price(self, channel: Channel, text: str) -> int:
        """What one message costs, in đồng."""
        if channel is Channel.PRINT:
            return self.letter_price
        adapter = self.adapters[channel]
        return adapter.price * adapter.parts(text)

    def writes_accents(self, channel: Channel) -> bool:
        adapter = self.adapters.get(channel)
        return not isinstance(adapter, Sms) or adapter.is_unicode


def read_channels(file: Path, environment: Environment) -> Channels:
    """Read the file; refuse it with all its faults (`FaultyFile`)."""
    report = Report(file.name)
    report.languages = texts.LANGUAGES
    table = datafile.open_table(datafile.canonical(file, file.name), report)
    found = _read(table, file.parent, environment)
    table.close()
    report.settle()
    return found


def _read(table: Table, folder: Path, environment: Environment) -> Channels:
    trial_folder = folder / table.text("trial") if table.has("trial") else None
    zalo, templates = _zalo(table, folder, environment, trial_folder)
    found: dict[Channel, Adapter | None] = {
        Channel.ZALO: zalo,
        Channel.SMS: _sms(table, environment, trial_folder),
        Channel.EMAIL: _mail(table, environment, trial_folder),
    }
    adapters = {channel: adapter for channel, adapter in found.items() if adapter is not None}
    letter = table.table("print", required=False)
    letter_price = letter.whole("price", least=0, default=0) if letter else 0
    if letter:
        letter.close()
    quiet = table.wholes("quiet") if table.has("quiet") else (QUIET_FROM, QUIET_TO)
    if len(quiet) != 2 or any(not 0 <= hour <= LATEST_HOUR for hour in quiet):
        table.fault("quiet", Reason.OUT_OF_RANGE, "[20, 8]")
        quiet = (QUIET_FROM, QUIET_TO)
    at_once = table.whole("at_once", least=1, default=4)
    if at_once > MOST_AT_ONCE:
        table.fault("at_once", Reason.OUT_OF_RANGE, f"{at_once} > {MOST_AT_ONCE}")
    return Channels(
        order=_order(table, {*adapters, *([Channel.PRINT] if letter else [])}),
        adapters=adapters,
        texts=_texts(table, folder),
        templates=templates,
        letter_price=letter_price,
        quiet_from=quiet[0],
        quiet_to=quiet[1],
        cap=table.whole("cap", least=0),
        at_once=at_once,
        trial=trial_folder,
        hooks=read_hooks(table, environment, trial_folder),
    )


def _order(table: Table, there: set[Channel]) -> dict[str, tuple[Channel, ...]]:
    """The channels by audience in the order in which they are tried; as usual where the file does not say."""
    inner = table.table("order", required=False)
    order = {audience: tuple(one for one in USUAL[audience] if one in there) for audience in AUDIENCES}
    for audience in AUDIENCES if inner else ():
        if inner and inner.has(audience):
            words = inner.codes(audience)
            for word in words:
                if word not in there:
                    inner.fault(audience, Reason.NOT_ONE_OF, ", ".join(sorted(there)))
            order[audience] = tuple(dict.fromkeys(Channel(word) for word in words if word in there))
    if inner:
        inner.close()
    return order


def _texts(table: Table, folder: Path) -> dict[str, Texts]:
    """The shipped texts, or files beside this one."""
    inner = table.table("texts", required=False)
    files = {audience: texts.shipped(audience) for audience in AUDIENCES}
    for audience in AUDIENCES if inner else ():
        if inner and inner.has(audience):
            files[audience] = folder / inner.text(audience)
    if inner:
        inner.close()
    found = {}
    for audience, file in files.items():
        if not file.is_file():
            table.fault("texts", Reason.UNFIT, file.name)
            continue
        found[audience] = texts.read_texts(file)
    return found


def _zalo(
    table: Table, folder: Path, environment: Environment, trial_folder: Path | None
) -> tuple[Zalo | None, dict[tuple[str, str], str]]:
    inner = table.table("zalo", required=False)
    if inner is None:
        return None, {}
    by_step = inner.table("templates")
    templates = {
        (step, language): text
        for step in (by_step.keys() if by_step else ())
        for language, text in (by_step.words(step) if by_step else datafile.Words(())).pairs
    }
    made = Zalo(
        url=inner.text("url"),
        app=inner.text("app", default=""),
        price=inner.whole("price", least=0),
        token=environment.get("HAILONG_ZALO_TOKEN", "trial" if trial_folder else ""),
        token_file=folder / inner.text("token_file") if inner.has("token_file") else None,
        secret=environment.get("HAILONG_ZALO_SECRET", ""),
        post=trial.posting(trial_folder) if trial_folder else wire.poster(),
    )
    if by_step:
        by_step.close()
    inner.close()
    return made, templates


def _sms(table: Table, environment: Environment, trial_folder: Path | None) -> Sms | None:
    inner = table.table("sms", required=False)
    if inner is None:
        return None
    made = Sms(
        url=inner.text("url"),
        brandname=inner.text("brandname"),
        price=inner.whole("price", least=0),
        is_unicode=inner.flag("unicode", default=False),
        key=environment.get("HAILONG_SMS_KEY", "trial" if trial_folder else ""),
        secret=environment.get("HAILONG_SMS_SECRET", "trial" if trial_folder else ""),
        post=trial.posting(trial_folder) if trial_folder else wire.poster(),
    )
    inner.close()
    return made


def _mail(table: Table, environment: Environment, trial_folder: Path | None) -> Mail | None:
    inner = table.table("email", required=False)
    if inner is None:
        return None
    server = Server(
        host=inner.text("host"),
        port=inner.whole("port", least=1, default=587),
        security=inner.option("security", Security) or Security.STARTTLS
        if inner.has("security")
        else Security.STARTTLS,
        user=inner.text("user", default=""),
        password=environment.get("HAILONG_SMTP_PASSWORD", ""),
    )
    made = Mail(
        address=inner.text("sender"),
        price=inner.whole("price", least=0, default=0),
        hand_over=trial.handing(trial_folder) if trial_folder else server.hand_over,
        is_shown=trial_folder is not None,
    )
    inner.close()
    return made

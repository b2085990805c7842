"""`hailong messages`: invitations and reminders by Zalo, SMS, e-mail and letter, with their cost shown first."""

from __future__ import annotations

import os
from pathlib import Path

import click

from survey.cells import CellRefused, email, phone
from survey.channels import texts
from survey.channels.bounces import read_bounces
from survey.channels.configuration import Channels, read_channels
from survey.channels.refusals import ChannelsMissing
from survey.cli.context import Site, actor, open_site, put, reader, refuses
from survey.cli.database import DATABASE
from survey.cli.fieldwork import JSON
from survey.i18n import number
from survey.jobs import deliver
from survey.stages import audit, optouts, outbox, waves
from survey.stages import messages as writing

STEP = click.option("--step", required=True, metavar="STEP", help="invitation, reminder-1, reminder-2 …")
STEP_OF = click.option("--step", metavar="STEP", help="This step alone.")


@click.group()
def messages() -> None:
    """Send invitations and reminders."""


@messages.command()
@click.argument("wave")
@STEP
@click.option("--language", type=click.Choice(texts.LANGUAGES), default="vi", show_default=True)
@click.option("--cap", type=click.IntRange(min=0), help="What the wave may spend in all, in đồng; else as configured.")
@click.option("--dry-run", is_flag=True, help="Show whom it reaches and what it costs, store nothing.")
@DATABASE
@JSON
@refuses
def plan(
    wave: str, step: str, language: str, cap: int | None, dry_run: bool, database: str | None, as_json: bool
) -> None:
    """Put a step's messages into the outbox and show their cost; nothing is sent yet."""
    site = open_site(database)
    channels = configured(site)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        it = writing.writer(session, found, site.keys, channels, site.settings.base_url)
        made = writing.plan(
            session, it, step, language=language, cap=channels.cap if cap is None else cap, actor=actor(),
            now=site.now(), dry_run=dry_run,
        )  # fmt: skip
    lines = [f"{channel}: {people}" for channel, people in made.by_channel.items()]
    lines += [f"already planned: {made.already}", f"opted out: {made.stopped}", f"unreachable: {made.unreachable}"]
    lines += [f"cost: {_dong(made.least)} - {_dong(made.most)} of {_dong(made.left)}"]
    put(made.as_dict(), as_json=as_json, lines=lines)


@messages.command()
@click.argument("wave")
@STEP
@click.option("--most", type=click.IntRange(min=1), help="So many at random now; the others on another call.")
@DATABASE
@JSON
@refuses
def send(wave: str, step: str, most: int | None, database: str | None, as_json: bool) -> None:
    """Let a planned step go out and send what is due; the worker (`hailong work`) sends what is left of it."""
    site = open_site(database)
    channels = configured(site)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        writing.writer(session, found, site.keys, channels, site.settings.base_url)
        writing.release(session, found, step, most=most, actor=actor(), now=site.now())
    outcomes = deliver.run(
        site.database, site.keys, wave, channels=channels, base_url=site.settings.base_url, clock=site.now
    )
    quiet = channels.is_quiet(site.now())
    lines = [f"{outcome}: {number}" for outcome, number in sorted(outcomes.items())]
    if quiet:
        lines.append(reader().gettext("It is late: the messages go out in the morning."))
    put({"wave": wave, "step": step, "quiet": quiet, **outcomes}, as_json=as_json, lines=lines)


@messages.command()
@click.argument("wave")
@STEP_OF
@DATABASE
@JSON
@refuses
def status(wave: str, step: str | None, database: str | None, as_json: bool) -> None:
    """Show how many messages went out, by step, channel and state, why others did not, and what was spent."""
    site = open_site(database)
    with site.database.read() as session:
        found = waves.find(session, wave)
        counts = {kind: count for kind, count in outbox.counts(session, found).items() if step in (None, kind[0])}
        reasons, left = outbox.reasons(session, found), outbox.left_to_spend(session, found)
    rows = [
        {"step": of, "channel": by, "state": state, "messages": count}
        for (of, by, state), count in sorted(counts.items())
    ]
    lines = [f"{row['step']:<14} {row['channel']:<6} {row['state']:<10} {row['messages']:>7}" for row in rows]
    lines += [f"{why}: {count}" for why, count in sorted(reasons.items())]
    lines += [] if left is None else [f"left to spend: {_dong(left)}"]
    put({"wave": wave, "messages": rows, "reasons": dict(reasons), "left": left}, as_json=as_json, lines=lines)


@messages.command()
@click.argument("mails", type=click.Path(exists=True, path_type=Path))
@DATABASE
@refuses
def bounces(mails: Path, database: str | None) -> None:
    """Read MAILS, the mailbox of the sending address (mbox file or Maildir): e-mails that came back go another way."""
    site = open_site(database)
    noted = 0
    for receipt in read_bounces(mails):
        with site.database.begin() as session:
            noted += outbox.receive(session, receipt)
    click.echo(f"{noted}")


@messages.command("opt-out")
@click.argument("contact")
@DATABASE
@refuses
def opt_out(contact: str, database: str | None) -> None:
    """Write to CONTACT (a phone or an e-mail) no more, in no wave."""
    site = open_site(database)
    try:
        plain = email(contact) if "@" in contact else phone(contact)
    except CellRefused as refused:
        raise click.UsageError("give a phone or an e-mail") from refused
    with site.database.begin() as session:
        optouts.stop(session, site.keys.installation, [plain])
        audit.record(session, actor=actor(), action="messages.opt-out", subject="one", detail={}, now=site.now())


def configured(site: Site) -> Channels:
    """The channels of this installation; refused when their file is not there."""
    if not site.settings.channels.is_file():
        raise ChannelsMissing(file=str(site.settings.channels))
    return read_channels(site.settings.channels, os.environ)


def _dong(amount: int) -> str:
    return f"{number(amount, reader().language)} đ"

"""Messages: invitations and reminders are planned with their cost shown, and written when they are sent.

Reminders go to everybody invited, those who answered too: whom they left out would be told by the outbox and by the
gateway's log (decision 17). Who is not the person, or wants no more messages, is written to no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from survey import answers
from survey.channels.configuration import Channels
from survey.channels.contract import Channel, Outgoing
from survey.channels.refusals import BudgetExceeded, NotForTrial, StepNotPlanned, StepUnknown
from survey.channels.texts import fill, unaccented
from survey.channels.zalo import LONGEST_PARAMETER
from survey.errors.common import NobodyInvited, WrongState
from survey.i18n import instant_text
from survey.keys import CODE_LENGTH, Keys
from survey.model.wave import Wave
from survey.stages import audit, invitations, optouts, outbox, waves
from survey.stages.invitations import Reached
from survey.stages.outbox import Entry, Taken
from survey.wavefile import Kind, Mode

LINK, STOP, RECEIPTS = "/k/", "/stop", "/receipts/sms/"
SHORTENED = "…"


@dataclass(frozen=True)
class Estimate:
    """How many are written at a step, by the channel that is tried first, and what it costs, in đồng.

    `least` is when every first channel works, `most` when everybody's dearest one is needed.
    """

    step: str
    by_channel: dict[str, int]
    already: int
    stopped: int
    unreachable: int
    least: int
    most: int
    left: int

    def as_dict(self) -> dict[str, Any]:
        return {"people": sum(self.by_channel.values()), **asdict(self)}


@dataclass(frozen=True)
class Writer:
    """What a wave's messages are written with: the texts, the channels, the address of the site."""

    wave: Wave
    keys: Keys
    channels: Channels
    base_url: str
    province: Callable[[str], str]

    def chain(self, person: Reached, step: str, language: str) -> tuple[Channel, ...]:
        """The channels by which a person can be reached, in the order in which they are tried."""
        has = {
            Channel.ZALO: bool(person.phone) and (step, language) in self.channels.templates,
            Channel.SMS: bool(person.phone),
            Channel.EMAIL: bool(person.email),
            Channel.PRINT: Mode.PAPER in self.wave.settings["modes"],
        }
        return tuple(channel for channel in self.channels.order[self.wave.audience] if has[channel])

    def price(self, channel: Channel, step: str, language: str) -> int:
        """What one message costs; all links are of one length."""
        return self.channels.price(channel, self._text(channel, step, language, "0" * CODE_LENGTH))

    def write(self, taken: Taken, person: Reached) -> Outgoing:
        """The message as it goes out; its link is derived now and stored nowhere."""
        code = self.keys.wave(self.wave.id).code(taken.invitation)
        step = self.channels.texts[self.wave.audience].steps[taken.step]
        return Outgoing(
            tracking_id=taken.tracking_id,
            to=person.email if taken.channel is Channel.EMAIL else person.phone,
            subject=fill(step.subject(taken.language), self._values(taken.language, code)),
            text=self._text(taken.channel, taken.step, taken.language, code),
            template=self.channels.templates.get((taken.step, taken.language), ""),
            parameters=self._parameters(taken.language, code),
            stop_url=f"{self.base_url}{LINK}{code}{STOP}",
            receipts_url=f"{self.base_url}{RECEIPTS}{signed(self.keys, taken.tracking_id)}",
            sender=self._sender(taken.language),
            is_trial=self.wave.kind == Kind.REHEARSAL,
        )

    def _text(self, channel: Channel, step: str, language: str, code: str) -> str:
        words = self.channels.texts[self.wave.audience].steps[step]
        values = self._values(language, code)
        if channel is Channel.SMS:
            text = fill(words.sms(language), values)
            return text if self.channels.writes_accents(channel) else unaccented(text)
        return fill(words.mail(language).lstrip("\n"), values)

    def _values(self, language: str, code: str) -> dict[str, str]:
        instrument, block = waves.instrument_of(self.wave), int(self.wave.settings["block"])
        items = len(instrument.items) * (block if self.wave.audience == "officials" else 1)
        link = f"{self.base_url}{LINK}{code}"
        return {
            "sender": self._sender(language),
            "minutes": str(answers.minutes(items)),
            "link": link,
            "stop": link + STOP,
            "closes": instant_text(self.wave.closes, language),
            "contact": self.wave.settings.get("contact", {}).get(language, "") or self.base_url,
        }

    def _parameters(self, language: str, code: str) -> dict[str, str]:
        """What fills a Zalo template: who asks, until when, and the code that its button opens."""
        values = self._values(language, code)
        found = {"co_quan": values["sender"], "han": values["closes"], "ma": code}
        return {name: shortened(value) for name, value in found.items()}

    def _sender(self, language: str) -> str:
        return str(self.wave.settings.get("sender", {}).get(language) or self.province(language))


def writer(session: Session, wave: Wave, keys: Keys, channels: Channels, base_url: str) -> Writer:
    """A writer for a wave; a real one is never sent through a rehearsal's gateways."""
    if channels.trial is not None and wave.kind != Kind.REHEARSAL:
        raise NotForTrial(wave=wave.code)
    province = waves.province_of(session, wave)
    names = {"vi": province.name_vi, "en": province.name_en}
    return Writer(wave, keys, channels, base_url, lambda language: names[language])


def plan(
    session: Session, it: Writer, step: str, *, language: str, cap: int, actor: str, now: datetime, dry_run: bool
) -> Estimate:
    """Put a step's messages into the outbox, for `release`; BudgetExceeded when even the least cost is too much."""
    wave, key = it.wave, it.keys.wave(it.wave.id)
    known = it.channels.texts[wave.audience].steps
    if step not in known:
        raise StepUnknown(step=step, steps=", ".join(known))
    if wave.state in waves.OVER:
        raise WrongState(wave=wave.code, state=wave.state, needed=waves.OPEN)
    session.refresh(wave, with_for_update=True)  # two plans at once would each see an empty outbox
    everybody = list(invitations.people(session, wave, it.keys))
    if not everybody:
        raise NobodyInvited(wave=wave.code)
    already = outbox.steps_of(session, wave, step)
    left_alone = optouts.all_marks(session)
    new = [one for one in everybody if outbox.step_mark(key, step, one.invitation) not in already]
    asked = [one for one in new if not _wants_none(it.keys, one, left_alone)]
    chains = [(one, it.chain(one, step, language)) for one in asked]
    if not dry_run:
        outbox.set_cap(session, wave, cap)
    left = outbox.left_to_spend(session, wave)
    estimate = replace(
        _estimate(it, step, language, [chain for _one, chain in chains]),
        already=len(everybody) - len(new),
        stopped=len(new) - len(asked),
        left=cap if left is None else left,
    )
    if dry_run:
        return estimate
    if estimate.least > estimate.left:
        raise BudgetExceeded(wave=wave.code, cost=estimate.least, left=estimate.left)
    entries = [Entry(one.invitation, step, chain[0], language, one.cell) for one, chain in chains if chain]
    outbox.put_in(session, wave, key, entries, state=outbox.PLANNED, letter=it.channels.letter_price, now=now)
    detail = {**estimate.as_dict(), "texts": it.channels.texts[wave.audience].digest, "language": language, "cap": cap}
    audit.record(session, actor=actor, action="messages.plan", subject=wave.code, detail=detail, now=now)
    return estimate


def release(session: Session, wave: Wave, step: str, *, most: int | None, actor: str, now: datetime) -> int:
    """Let a planned step go out, the whole of it or so many at random; the number that waits from now on."""
    waves.require(wave, waves.OPEN)
    number = outbox.release(session, wave, step, most=most)
    if not number and not outbox.steps_of(session, wave, step):
        raise StepNotPlanned(wave=wave.code, step=step)
    detail = {"step": step, "messages": number}
    audit.record(session, actor=actor, action="messages.release", subject=wave.code, detail=detail, now=now)
    return number


def addressee(session: Session, it: Writer, taken: Taken) -> Reached | None:
    """Whom a claimed message goes to as things stand now; None when nobody is to be written to any more."""
    found = next(invitations.people(session, it.wave, it.keys, only=taken.invitation), None)
    return None if found is None or optouts.is_stopped(session, it.keys.installation, found.contacts) else found


def follow_up(session: Session, it: Writer, *, now: datetime) -> int:
    """Give every message that came back to the next channel; the number of new attempts. A letter for which there is
    no money left waits, and holds nothing else up."""
    key, letter = it.keys.wave(it.wave.id), it.channels.letter_price
    left = (outbox.left_to_spend(session, it.wave) or 0) if letter else 0
    following, unpaid = [], []
    for message, entry, tried in outbox.bounced(session, it.wave, key):
        person = next(invitations.people(session, it.wave, it.keys, only=entry.invitation), None)
        chain = it.chain(person, entry.step, entry.language) if person else ()
        channel = next((one for one in chain if one not in tried), None)
        if channel is Channel.PRINT and letter > left:
            unpaid.append(message)
        elif channel is not None:
            following.append(replace(entry, channel=channel))
            left -= letter if channel is Channel.PRINT else 0
    outbox.put_off(session, unpaid)
    return outbox.put_in(session, it.wave, key, following, state=outbox.WAITING, letter=letter, now=now)


def forget(session: Session, wave: Wave, *, actor: str, now: datetime) -> None:
    """The close keeps nothing of the outbox but its counts, in the audit log."""
    counts = outbox.forget(session, wave)
    if counts:
        audit.record(session, actor=actor, action="messages.forget", subject=wave.code, detail=counts, now=now)


def signed(keys: Keys, tracking_id: str) -> str:
    """A tracking id with its signature, for the address at which a gateway tells what became of it."""
    return f"{tracking_id}.{keys.installation.mark('receipt', tracking_id).hex()}"


def shortened(text: str) -> str:
    """Cut at a word to what a Zalo parameter may hold."""
    if len(text) <= LONGEST_PARAMETER:
        return text
    return text[: LONGEST_PARAMETER - len(SHORTENED)].rpartition(" ")[0] + SHORTENED


def _wants_none(keys: Keys, person: Reached, left_alone: frozenset[bytes]) -> bool:
    return any(optouts.mark_of(keys.installation, contact) in left_alone for contact in person.contacts)


def _estimate(it: Writer, step: str, language: str, chains: list[tuple[Channel, ...]]) -> Estimate:
    prices = {one: it.price(one, step, language) for one in {channel for chain in chains for channel in chain}}
    first = Counter(chain[0].value for chain in chains if chain)
    return Estimate(
        step=step,
        by_channel=dict(sorted(first.items())),
        already=0,
        stopped=0,
        unreachable=sum(not chain for chain in chains),
        least=sum(prices[chain[0]] for chain in chains if chain),
        most=sum(max(prices[one] for one in chain) for chain in chains if chain),
        left=0,
    )

"""The outbox: messages are claimed, sent outside the transaction, and recorded; nobody gets a step twice.

Whoever sends takes a row, commits, sends, and records. A row that was taken and never recorded may have gone out: it is
`unknown`, and sent again only where the gateway knows its tracking id and sends it once. A refused attempt is given up
before the next channel gets its row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Update, delete, func, insert, select, update
from sqlalchemy.orm import Session

from survey.channels.contract import Channel, Receipt, Why
from survey.channels.refusals import BudgetExceeded
from survey.keys import WaveKey, decrypt, encrypt
from survey.model.base import new_id
from survey.model.message import Message, MessageBudget
from survey.model.wave import Wave
from survey.stages import counts as events
from survey.stages.counts import Event

PLANNED, WAITING, CLAIMED, SENT, DELIVERED = "planned", "waiting", "claimed", "sent", "delivered"
UNKNOWN, BOUNCED, FAILED, STOPPED, TO_PRINT = "unknown", "bounced", "failed", "stopped", "to_print"
FIRST_STEP = "invitation"  # the one that the board counts: once a person
ON_ITS_WAY = (WAITING, CLAIMED, UNKNOWN, SENT)
LEASE = timedelta(minutes=10)  # far longer than any sending takes
MOST_TRIES = 6
CHUNK = 2000
_STANDING = (Message.tries, Message.doubtful, Message.cost)


@dataclass(frozen=True)
class Entry:
    """A message to be put in: to whom, at which step, by which channel."""

    invitation: bytes
    step: str
    channel: Channel
    language: str
    cell: str | None = None


@dataclass(frozen=True)
class Taken:
    """A message that this process alone may send."""

    id: bytes
    invitation: bytes
    step: str
    channel: Channel
    language: str
    tries: int
    doubtful: bool
    cost: int  # that was paid for it already
    claimed_at: datetime

    @property
    def tracking_id(self) -> str:
        return self.id.hex()


def step_mark(key: WaveKey, step: str, invitation: bytes) -> bytes:
    return key.mark("message", step.encode() + b"\0" + invitation)


def _sealing_key(key: WaveKey, message: bytes) -> bytes:
    return key.subkey("message", message)


def put_in(
    session: Session, wave: Wave, key: WaveKey, entries: Iterable[Entry], *, state: str, letter: int, now: datetime
) -> int:
    """Add messages; a letter is marked for the printer and paid (`letter`) at once. The number added."""
    rows: list[dict[str, Any]] = []
    for entry in entries:
        identity = new_id()
        rows.append({
            "id": identity,
            "wave_id": wave.id,
            "step": entry.step,
            "step_mark": step_mark(key, entry.step, entry.invitation),
            "cell": entry.cell,
            "sealed": encrypt(_sealing_key(key, identity), entry.invitation),
            "channel": entry.channel.value,
            "language": entry.language,
            "state": TO_PRINT if entry.channel is Channel.PRINT else state,
            "tries": 0,
            "due_at": now,
            "doubtful": False,
            "cost": letter if entry.channel is Channel.PRINT else 0,
        })  # fmt: skip
    _pay(session, wave, sum(row["cost"] for row in rows))
    rows.sort(key=lambda row: row["id"])  # the order of sending tells nothing of the register's
    for start in range(0, len(rows), CHUNK):
        session.execute(insert(Message), rows[start : start + CHUNK])
    printed = Counter(row["cell"] for row in rows if row["state"] == TO_PRINT and row["step"] == FIRST_STEP)
    for cell, number in sorted((cell, number) for cell, number in printed.items() if cell is not None):
        events.note(session, wave.id, cell, Event.SENT, number)
    return len(rows)


def steps_of(session: Session, wave: Wave, step: str) -> frozenset[bytes]:
    """The marks of all who have this step in the outbox already."""
    found = select(Message.step_mark).where(Message.wave_id == wave.id, Message.step == step)
    return frozenset(session.scalars(found))


def release(session: Session, wave: Wave, step: str, *, most: int | None) -> int:
    """Let planned messages of a step go out, all or so many at random; the number that waits from now on."""
    planned = select(Message.id).where(Message.wave_id == wave.id, Message.step == step, Message.state == PLANNED)
    chosen = planned.order_by(Message.id).limit(most)  # ids are random
    return _changed(session, update(Message).where(Message.id.in_(chosen)).values(state=WAITING))


def claim(session: Session, wave: Wave, key: WaveKey, *, but: Collection[str], now: datetime) -> Taken | None:
    """Take the next message that is due; None when there is none. Two processes never take the same."""
    due = (
        select(Message.id)
        .where(Message.wave_id == wave.id, Message.state == WAITING, Message.due_at <= now, Message.channel.not_in(but))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.execute(
        update(Message)
        .where(Message.id == due.scalar_subquery(), Message.state == WAITING)
        .values(state=CLAIMED, claimed_at=now, tries=Message.tries + 1)
        .returning(Message.id, Message.sealed, Message.step, Message.channel, Message.language, *_STANDING)
    ).first()
    if row is None:
        return None
    invitation = decrypt(_sealing_key(key, row.id), row.sealed)
    standing = (row.tries, row.doubtful, row.cost)
    return Taken(row.id, invitation, row.step, Channel(row.channel), row.language, *standing, now)


def spend(session: Session, wave: Wave, taken: Taken, cost: int) -> None:
    """Take the cost of a claimed message from the budget; BudgetExceeded when it is not there."""
    if taken.cost or not cost:  # a message that is repeated is paid once
        return
    _pay(session, wave, cost)
    session.execute(update(Message).where(Message.id == taken.id).values(cost=cost))


def _pay(session: Session, wave: Wave, cost: int) -> None:
    """Take so much from the budget; BudgetExceeded when it is not there."""
    if not cost:
        return
    enough = (MessageBudget.wave_id == wave.id) & (MessageBudget.spent + cost <= MessageBudget.cap)
    if not _changed(session, update(MessageBudget).where(enough).values(spent=MessageBudget.spent + cost)):
        budget = session.get(MessageBudget, wave.id)
        raise BudgetExceeded(wave=wave.code, cost=cost, left=budget.cap - budget.spent if budget else 0)


def set_cap(session: Session, wave: Wave, cap: int) -> None:
    """What the wave may spend on messages in all; never less than was spent already."""
    budget = session.get(MessageBudget, wave.id, with_for_update=True)
    if budget is None:
        session.add(MessageBudget(wave_id=wave.id, cap=cap, spent=0))
    elif cap < budget.spent:
        raise BudgetExceeded(wave=wave.code, cost=budget.spent, left=cap)
    else:
        budget.cap = cap
    session.flush()


def left_to_spend(session: Session, wave: Wave) -> int | None:
    """What is left of the budget; None before one was set."""
    budget = session.get(MessageBudget, wave.id)
    return None if budget is None else budget.cap - budget.spent


# --- what became of it


def sent(session: Session, taken: Taken, reference: str) -> None:
    """The provider took it; a receipt that was faster stands."""
    mine = (Message.id == taken.id) & Message.state.in_((CLAIMED, UNKNOWN))
    _note(session, mine, {"state": SENT, "why": None, "reference": reference[:120] or None}, Event.SENT)


def stopped(session: Session, taken: Taken) -> None:
    """The person is written to no more; nothing was sent."""
    session.execute(update(Message).where(_mine(taken)).values(state=STOPPED))


def refused(session: Session, wave: Wave, taken: Taken, why: Why) -> None:
    """It certainly did not go out and never will: the money comes back, the next channel has its turn."""
    if _changed(session, update(Message).where(_mine(taken)).values(state=BOUNCED, why=why.value)):
        _give_back(session, wave, taken)


def put_back(session: Session, wave: Wave, taken: Taken, why: Why, *, due_at: datetime, counts: bool) -> None:
    """This try certainly sent nothing; another follows, or after too many that `counts` it is given up."""
    if counts and taken.tries >= MOST_TRIES:
        if taken.doubtful:
            unclear(session, taken, Why.TOO_OFTEN)
        else:
            refused(session, wave, taken, Why.TOO_OFTEN)
        return
    values = {"state": WAITING, "due_at": due_at, "why": why.value, "tries": taken.tries - (0 if counts else 1)}
    if _changed(session, update(Message).where(_mine(taken)).values(values)) and not taken.doubtful:
        _give_back(session, wave, taken)


def unclear(session: Session, taken: Taken, why: Why) -> None:
    """It may have gone out; the money counts as spent."""
    session.execute(update(Message).where(_mine(taken)).values(state=UNKNOWN, doubtful=True, why=why.value))


def _give_back(session: Session, wave: Wave, taken: Taken) -> None:
    cost = session.scalar(select(Message.cost).where(Message.id == taken.id)) or 0
    if cost:
        less = update(MessageBudget).where(MessageBudget.wave_id == wave.id)
        session.execute(less.values(spent=MessageBudget.spent - cost))
        session.execute(update(Message).where(Message.id == taken.id).values(cost=0))


def resolve(session: Session, wave: Wave, *, repeatable: Collection[str], now: datetime) -> int:
    """Claims whose sender is gone become unknown; what may be repeated safely waits again. How many of these."""
    of_wave = Message.wave_id == wave.id
    gone = of_wave & (Message.state == CLAIMED) & (Message.claimed_at < now - LEASE)
    session.execute(update(Message).where(gone).values(state=UNKNOWN, doubtful=True, why=Why.NO_REPLY.value))
    again = of_wave & (Message.state == UNKNOWN) & Message.channel.in_(repeatable) & (Message.tries < MOST_TRIES)
    return _changed(session, update(Message).where(again).values(state=WAITING, due_at=now + timedelta(minutes=1)))


def bounced(session: Session, wave: Wave, key: WaveKey) -> list[tuple[bytes, Entry, frozenset[str]]]:
    """What came back and has no successor yet (id, entry, channels that were tried); they are given up here."""
    rows = session.execute(
        update(Message)
        .where(Message.wave_id == wave.id, Message.state == BOUNCED)
        .values(state=FAILED)
        .returning(
            Message.id, Message.sealed, Message.step, Message.channel, Message.language, Message.step_mark, Message.cell
        )
    ).all()
    found = []
    for row in rows:
        tried = select(Message.channel).where(Message.step_mark == row.step_mark)
        invitation = decrypt(_sealing_key(key, row.id), row.sealed)
        entry = Entry(invitation, row.step, Channel(row.channel), row.language, row.cell)
        found.append((row.id, entry, frozenset(session.scalars(tried))))
    return found


def put_off(session: Session, ids: Iterable[bytes]) -> None:
    """Let what came back wait for its successor after all: there is no money for it now."""
    session.execute(update(Message).where(Message.id.in_(list(ids))).values(state=BOUNCED))


def receive(session: Session, receipt: Receipt) -> bool:
    """Note what a gateway tells of a message; False when it changes nothing: unknown, told before, or overtaken.

    What arrived has arrived, whatever is told later. What was given up stays so: another channel has its turn.
    """
    try:
        identity = bytes.fromhex(receipt.tracking_id)
    except ValueError:
        return False
    mine = (Message.id == identity) & (Message.tries > 0)
    was_sent, was_not = mine & (Message.state == SENT), mine & Message.state.in_(ON_ITS_WAY)
    if receipt.why is None:
        values: dict[str, Any] = {"state": DELIVERED, "why": None}
        return _note(session, was_sent, values, Event.DELIVERED) or _note(
            session, was_not, values, Event.SENT, Event.DELIVERED
        )
    values = {"state": BOUNCED, "why": receipt.why.value}
    return _note(session, was_sent, values, Event.SENT, number=-1) or _note(session, was_not, values)


def _note(
    session: Session, which: ColumnElement[bool], values: dict[str, Any], *happened: Event, number: int = 1
) -> bool:
    """Change one message, and count what happened in its class by that; whether there was one to change."""
    changed = update(Message).where(which).values(values).returning(Message.wave_id, Message.step, Message.cell)
    row = session.execute(changed).first()
    if row is not None and row.cell is not None and row.step == FIRST_STEP:
        for event in happened:
            events.note(session, row.wave_id, row.cell, event, number)
    return row is not None


def counts(session: Session, wave: Wave) -> dict[tuple[str, str, str], int]:
    """Messages by step, channel and state."""
    by = (Message.step, Message.channel, Message.state)
    found = session.execute(select(*by, func.count()).where(Message.wave_id == wave.id).group_by(*by))
    return {(step, channel, state): int(count) for step, channel, state, count in found}


def reasons(session: Session, wave: Wave) -> Counter[str]:
    """Why messages did not go out, those that wait for another try included."""
    found = select(Message.why, func.count()).where(Message.wave_id == wave.id, Message.why.is_not(None))
    return Counter({str(why): int(count) for why, count in session.execute(found.group_by(Message.why))})


def letters(session: Session, wave: Wave, key: WaveKey) -> frozenset[bytes]:
    """The invitations for which a letter is to be printed."""
    found = select(Message.id, Message.sealed).where(Message.wave_id == wave.id, Message.state == TO_PRINT)
    return frozenset(decrypt(_sealing_key(key, identity), sealed) for identity, sealed in session.execute(found))


def is_busy(session: Session, wave: Wave) -> bool:
    """Whether something is to be sent, to be looked after, or to go another way."""
    open_ = Message.state.in_((WAITING, CLAIMED, UNKNOWN, BOUNCED))
    return session.scalar(select(Message.id).where(Message.wave_id == wave.id, open_).limit(1)) is not None


def forget(session: Session, wave: Wave) -> dict[str, int]:
    """The close keeps counts alone."""
    told = {"/".join(kind): count for kind, count in sorted(counts(session, wave).items())}
    session.execute(delete(Message).where(Message.wave_id == wave.id))
    return told


def _mine(taken: Taken) -> ColumnElement[bool]:
    return (Message.id == taken.id) & (Message.state == CLAIMED) & (Message.claimed_at == taken.claimed_at)


def _changed(session: Session, statement: Update) -> int:
    return cast(CursorResult[object], session.execute(statement)).rowcount

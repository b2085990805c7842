"""Tries to tie 200 officials' answers to those who gave them, with all that may leak but the key folder.

Usage: python tests/studies/officials_attack.py [--engine sqlite|postgres] [--answers N] [--seed N] [--port N]

The attacker holds the database after the close, copies of it and of its log from every evening (the outbox's tables
among them), the server's log, the gateway's log with number, phone, text and order of every message, and an address
book with group and agency of everybody. Each attack names the people whom it leaves possible behind each answer; a
guess among them hits with 1/number if the right one is there. Chance is 1 in those of the group who do not work at the
units judged. Three controls show that the attacks would win: one holds the key folder as it was before the close, one a
register in which the used links were marked, one a gateway's log in which who had answered was reminded no more. Fails
when an attack beats chance, when fewer than ten are possible behind an answer, or when a control does not win.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import math
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from officials_gateway import STEPS
from officials_wave import Content, Copy, Evidence, Person, field_work

sys.path.append(str(Path(__file__).resolve().parents[1] / "faults"))

from ground import database_url

FLOOR = 10
REGISTER = ("invitation", "rater", "message")
Suspects = frozenset[bytes]
Attack = Callable[[Evidence, Mapping[bytes, "Said"]], dict[bytes, Suspects]]
HASHES = ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s", "sha3_256")


class Said:
    """An answer as the closed database holds it: its number, group, units, content, and who is possible behind it."""

    def __init__(self, rows: list[dict[str, Any]], people: Iterable[Person]) -> None:
        self.number, self.group = bytes(rows[0]["rater"]), rows[0]["group"]
        self.units = frozenset(row["unit_code"] for row in rows)
        self.content: Content = frozenset(
            (f"{row['unit_code']}:{item}", value) for row in rows for item, value in _items(row["items"]).items()
        )
        self.possible: Suspects = frozenset(
            one.invitation for one in people if one.group == self.group and one.agency not in self.units
        )


def main(engine: str, answers: int, seed: int, port: int) -> int:
    with tempfile.TemporaryDirectory(prefix="hailong-attack-") as folder, database_url(engine, Path(folder)) as url:
        found = field_work(url, Path(folder), port, answers=answers, seed=seed)
    said = answers_of(found)
    giver = {one.number: _giver(found, one) for one in said.values()}
    every, lone = set(said), {number for number, person in giver.items() if person in found.lone}
    tried = {name: _against_chance(attack(found, said), said, giver, every) for name, attack in ATTACKS.items()}
    alone = {name: _against_chance(attack(found, said), said, giver, lone) for name, attack in ATTACKS.items()}
    controls = {
        "the key folder of before the close": _against_chance(with_keys(found, said), said, giver, every),
        "a register that marks used links": _against_chance(changed_rows(_marked(found), said), said, giver, every),
        "reminders to those alone who had not answered": _against_chance(
            reminded_no_more(_sparing(found), said), said, giver, every
        ),
    }
    smallest = min(len(one.possible) for one in said.values())
    names = [name.encode() for one in found.people for name in (one.code, one.phone)]
    named = sum(name in place for place in (found.logs, *(copy.raw for copy in found.copies[-2:])) for name in names)
    figures = {
        "engine": engine, "answers": len(said), "invited": len(found.people), "copies": len(found.copies),
        "messages": len(found.gateway), "smallest_possible": smallest, "links_and_addresses_in_logs_and_files": named,
        "one_in_the_invited_of_the_group": round(_by_group(found, said), 2),
        "attacks": {name: one.figures for name, one in tried.items()},
        "three_lone_answers": {name: one.figures for name, one in alone.items()},
        "controls": {name: one.figures for name, one in controls.items()},
    }  # fmt: skip
    print(json.dumps(figures))
    held = not any(one.beaten for one in (*tried.values(), *alone.values())) and smallest >= FLOOR and not named
    return 0 if held and all(one.beaten for one in controls.values()) and len(said) == answers else 1


@dataclass(frozen=True)
class Outcome:
    """Answers tied to the right person, those that chance would tie, and from where on it is not chance."""

    hits: float
    chance: float
    limit: float

    @property
    def beaten(self) -> bool:
        return self.hits > self.limit

    @property
    def figures(self) -> dict[str, float]:
        return {
            "tied": round(self.hits, 3),
            "by_chance": round(self.chance, 3),
            "more_than_chance": round(self.limit, 3),
        }


def answers_of(found: Evidence) -> dict[bytes, Said]:
    rows: dict[bytes, list[dict[str, Any]]] = defaultdict(list)
    for row in found.copies[-1].rows["judgement"]:
        rows[bytes(row["rater"])].append(row)
    return {number: Said(of, found.people) for number, of in rows.items()}


def changed_rows(found: Evidence, said: Mapping[bytes, Said]) -> dict[bytes, Suspects]:
    """Who answered is whose row in the register was touched before the answer was there."""
    return _narrowed(found, said, _touched(found, ("invitation", "rater"), set()))


def changed_messages(found: Evidence, said: Mapping[bytes, Said]) -> dict[bytes, Suspects]:
    """The same for the outbox, but for the days of sending, on which everybody's row is touched."""
    return _narrowed(found, said, _touched(found, ("message",), set(STEPS)))


def _touched(found: Evidence, tables: tuple[str, ...], but: set[int]) -> dict[int, set[bytes]]:
    """Whose rows had changed by each copy."""
    touched: dict[int, set[bytes]] = defaultdict(set)
    for number, (before, after) in enumerate(zip(found.copies[:-2], found.copies[1:-1], strict=True), start=1):
        changed: set[bytes] = set()
        for table in () if number + 1 in but else tables:
            was = _owned(found, before.rows, table)
            changed |= {owner for owner, rows in _owned(found, after.rows, table).items() if was.get(owner) != rows}
        touched[number] = touched[number - 1] | changed
    return touched


def shared_bytes(found: Evidence, said: Mapping[bytes, Said]) -> dict[bytes, Suspects]:
    """Whatever stands in the register, or follows from it without a key, and is met again beside it."""
    known: dict[bytes, bytes] = {}
    for owner, values in _values(found).items():
        for value in values:
            known |= dict.fromkeys(_derived(value), owner)
    touched: dict[int, set[bytes]] = defaultdict(set)
    for day, copy in enumerate(found.copies):
        seen = {
            bytes(value)[:16]
            for table, rows in copy.rows.items()
            if table not in REGISTER
            for row in rows
            for value in row.values()
            if isinstance(value, bytes | memoryview)
        }
        touched[day] = touched[day - 1] | {known[value] for value in seen & known.keys()}
    return _narrowed(found, said, touched)


def file_order(found: Evidence, said: Mapping[bytes, Said]) -> dict[bytes, Suspects]:
    """The n-th answer of a group on the disk is of the n-th of its register."""
    register = found.copies[-2]
    people = sorted(register.rows["invitation"], key=lambda row: _place(register, row, "id"))
    return _in_step(found, said, _answers_by_place(found), [bytes(row["id"]) for row in people])


def message_order(found: Evidence, said: Mapping[bytes, Said]) -> dict[bytes, Suspects]:
    """Who was written to first answers first: the n-th answer to come out of the spool is of the n-th written to."""
    first = _first_seen(found)
    answers = sorted(_answers_by_place(found), key=lambda one: first[one])
    return _in_step(found, said, answers, [found.holders[one.phone] for one in found.gateway if one.day == 0])


def last_message_order(found: Evidence, said: Mapping[bytes, Said]) -> dict[bytes, Suspects]:
    """Who is reminded last had answered first: the order in which the outbox sent the last step."""
    first, last = _first_seen(found), max(one.day for one in found.gateway)
    answers = sorted(_answers_by_place(found), key=lambda one: -first[one])
    return _in_step(found, said, answers, [found.holders[one.phone] for one in found.gateway if one.day == last])


def outbox_order(found: Evidence, said: Mapping[bytes, Said]) -> dict[bytes, Suspects]:
    """The n-th answer of a group on the disk is of whom the n-th row of the outbox is for."""
    evening, owner = found.copies[-2], found.owners
    rows = [row for row in evening.rows["message"] if row["step"] == STEPS[0]]
    rows.sort(key=lambda row: _place(evening, row, "id"))
    return _in_step(found, said, _answers_by_place(found), [owner[bytes(row["id"])] for row in rows])


def reminded_no_more(found: Evidence, said: Mapping[bytes, Said]) -> dict[bytes, Suspects]:
    """Whom a reminder left out has answered: whose answers lay open the evening before, and who is likelier behind the
    others, those left out or those reminded."""
    first, narrowed = _first_seen(found), {number: one.possible for number, one in said.items()}
    for day in STEPS:
        written = {found.holders[one.phone] for one in found.gateway if one.day == day}
        for group in {one.group for one in said.values()}:
            members = {one.invitation for one in found.people if one.group == group}
            numbers = {number for number, one in said.items() if one.group == group}
            open_before = {number for number in numbers if first[number] <= day - 2}
            out, reminded = members - written, members & written
            hidden = (len(out) - len(open_before)) / max(len(out), 1)  # of those left out, whose answers came out later
            likelier = out if hidden > (len(numbers) - len(out)) / max(len(reminded), 1) else reminded
            for number in numbers if out else ():
                suspects = narrowed[number] & (out if number in open_before else likelier)
                narrowed[number] = suspects or narrowed[number]
    return narrowed


def with_keys(found: Evidence, said: Mapping[bytes, Said]) -> dict[bytes, Suspects]:
    """The control: with the wave's key of before the close, whose block of units it is and whose used mark is there."""
    used = {
        found.spent[mark]
        for copy in found.copies
        for row in copy.rows["spent_mark"]
        if (mark := bytes(row["mark"])) in found.spent
    }
    return {
        number: frozenset(one for one in answer.possible & used if found.blocks[one] >= answer.units)
        for number, answer in said.items()
    }


def _narrowed(found: Evidence, said: Mapping[bytes, Said], touched: Mapping[int, set[bytes]]) -> dict[bytes, Suspects]:
    """The possible who were touched when the answer was first there; all of them when none was."""
    first, narrowed = _first_seen(found), {}
    for number, answer in said.items():
        day = min(first[number], max(touched, default=0))
        narrowed[number] = answer.possible & touched[day] or answer.possible
    return narrowed


def _in_step(
    found: Evidence, said: Mapping[bytes, Said], answers: list[bytes], people: list[bytes]
) -> dict[bytes, Suspects]:
    group = {one.invitation: one.group for one in found.people}
    queues: dict[str, list[bytes]] = defaultdict(list)
    for one in people:
        queues[group[one]].append(one)
    return {number: frozenset([queues[said[number].group].pop(0)]) for number in answers}


def _values(found: Evidence) -> dict[bytes, set[bytes]]:
    """What the register and the outbox say of each person."""
    values: dict[bytes, set[bytes]] = defaultdict(set)
    raters = {bytes(row["id"]): row for row in found.copies[0].rows["rater"]}
    for row in found.copies[0].rows["invitation"]:
        rater = raters[bytes(row["rater_id"])]
        parts = (row["id"], row["code_mark"], rater["id"], rater["code_mark"], rater["phone"])
        values[bytes(row["id"])] |= {bytes(part) for part in parts}
    for copy in found.copies:
        for row in copy.rows["message"]:
            if bytes(row["id"]) in found.owners:
                parts = (row["id"], row["step_mark"], row["sealed"])
                values[found.owners[bytes(row["id"])]] |= {bytes(part) for part in parts}
    for one in found.people:
        values[one.invitation] |= {one.code.encode(), one.phone.encode(), f"/k/{one.code}".encode()}
    return values


def _derived(value: bytes) -> set[bytes]:
    """A value and what may be made of it without a secret."""
    forms = {value, value.hex().encode()}
    hashed = {hashlib.new(name, form).digest()[:16] for name in HASHES for form in forms}
    keyed = {
        hmac.new(b"", purpose + b"\0" + value, hashlib.sha256).digest()[:16] for purpose in (b"spent", b"key", b"draft")
    }
    return {value[:16]} | hashed | keyed


def _owned(found: Evidence, rows: Mapping[str, list[dict[str, Any]]], table: str) -> dict[bytes, list[tuple[Any, ...]]]:
    """The rows of a register table by the invitation that they belong to; the outbox's by the gateway's log."""
    holder = {bytes(row["rater_id"]): bytes(row["id"]) for row in rows["invitation"]}
    owner = {"invitation": {one: one for one in holder.values()}, "rater": holder, "message": found.owners}[table]
    owned: dict[bytes, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows[table]:
        if bytes(row["id"]) in owner:  # what a later step wrote about is in no log yet
            owned[owner[bytes(row["id"])]].append(tuple(row.values()))
    return owned


def _sparing(found: Evidence) -> Evidence:
    """The same evidence from an outbox that reminds those alone who had not answered."""
    done: dict[int, set[bytes]] = {}
    for day in STEPS:
        before = found.copies[day - 2].rows["spent_mark"] if day else []
        done[day] = {found.spent[bytes(row["mark"])] for row in before}
    kept = [one for one in found.gateway if found.holders[one.phone] not in done[one.day]]
    return replace(found, gateway=kept)


def _marked(found: Evidence) -> Evidence:
    """The same evidence from a register in which every used link is marked on its day."""
    marked = []
    for copy in found.copies:
        used = {found.spent[bytes(row["mark"])] for row in copy.rows["spent_mark"]}
        register = [row | {"used": bytes(row["id"]) in used} for row in copy.rows["invitation"]]
        marked.append(type(copy)(copy.rows | {"invitation": register}, copy.raw))
    return replace(found, copies=marked)


def _giver(found: Evidence, answer: Said) -> bytes:
    return next(person for person, content in found.truth.items() if content == answer.content)


def _against_chance(
    guessed: Mapping[bytes, Suspects], said: Mapping[bytes, Said], giver: Mapping[bytes, bytes], of: set[bytes]
) -> Outcome:
    """How many answers a guess among the people left possible ties to the right one, on average, and by chance.

    Where an attack guesses one person for each answer, one lucky guess and four standard deviations are still chance;
    where it leaves several possible, the average over them has none.
    """
    chances = [1 / len(said[number].possible) for number in of]
    hits = sum(giver[number] in guessed[number] and 1 / len(guessed[number]) for number in of)
    single = all(len(guessed[number]) == 1 for number in of)
    spread = 4 * math.sqrt(sum(one * (1 - one) for one in chances)) if single else 0.05 * sum(chances)
    return Outcome(hits, sum(chances), max(sum(chances) + spread, 1.0 * single))


def _by_group(found: Evidence, said: Mapping[bytes, Said]) -> float:
    return sum(1 / sum(person.group == one.group for person in found.people) for one in said.values())


def _items(items: Any) -> dict[str, str]:
    found: dict[str, str] = json.loads(items) if isinstance(items, str) else items
    return found


def _first_seen(found: Evidence) -> dict[bytes, int]:
    """The first copy in which an answer is."""
    first: dict[bytes, int] = {}
    for day, copy in enumerate(found.copies):
        for row in copy.rows["judgement"]:
            first.setdefault(bytes(row["rater"]), day)
    return first


def _answers_by_place(found: Evidence) -> list[bytes]:
    last = found.copies[-1]
    rows = sorted(last.rows["judgement"], key=lambda row: _place(last, row, "rater"))
    return list(dict.fromkeys(bytes(row["rater"]) for row in rows))


def _place(copy: Copy, row: dict[str, Any], number: str) -> tuple[int, ...]:
    """Where a row lies on the disk: page and line on PostgreSQL, the place of its number in SQLite's files."""
    if "ctid_" in row:
        return tuple(int(part) for part in row["ctid_"].strip("()").split(","))
    return (copy.raw.find(bytes(row[number])),)


ATTACKS: dict[str, Attack] = {
    "what register and answers share": lambda _found, said: {number: one.possible for number, one in said.items()},
    "rows that changed from day to day": changed_rows,
    "rows of the outbox that changed": changed_messages,
    "marks, numbers and hashes seen again": shared_bytes,
    "order in the files": file_order,
    "order of the messages": message_order,
    "order of the last reminder": last_message_order,
    "order in the outbox": outbox_order,
    "who was reminded no more": reminded_no_more,
}

if __name__ == "__main__":
    reader = argparse.ArgumentParser()
    reader.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    reader.add_argument("--answers", type=int, default=200)
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--port", type=int, default=8771)
    sys.exit(main(**vars(reader.parse_args())))

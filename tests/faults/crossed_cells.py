"""F11, crossed: counter, kiosk and open links of two points of service, round after round, at two server processes.

    python tests/faults/crossed_cells.py [--engine postgres] [--clients 64] [--rounds 20]

In each round fresh cells have fewer places than there are clients; all press the button at the same instant, some walk
away. No cell may pass its target, and once their time is over the places of those who walked away are taken by others.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import ground
from respondent import Respondent
from sqlalchemy import func, select, update

from survey.db import Database, open_database
from survey.keys import Keys
from survey.model.quota import QuotaCell, Reservation
from survey.model.response import Tally
from survey.stages import quotas, waves

PORTS = (23130, 23131)
MODES, POINTS = ("counter", "kiosk", "open"), ("A", "B")
WALKS_AWAY = 0.3


def make_cells(database: Database, field: ground.Ground, places: int) -> list[str]:
    """The codes of fresh cells, one for each mode and point of service."""
    with database.begin() as session:
        wave = waves.find(session, "2026-faults")
        wave.settings = {**wave.settings, "modes": ["link", *MODES]}
        session.flush()
        key = Keys(field.keys).wave(wave.id)
        return [
            quotas.create_cell(
                session, wave, key=key, unit_code="98-01", point_of_service=point, mode=mode, target=places
            )[1]
            for mode, point in product(MODES, POINTS)
        ]


def press(codes: list[str], clients: int, seed: str) -> Counter[str]:
    """Each client has opened a page of one cell; all press at once. What became of them."""
    line, rng = threading.Barrier(clients), random.Random(seed)
    chosen = [(codes[number % len(codes)], rng.random() < WALKS_AWAY) for number in range(clients)]

    def one(number: int) -> str:
        code, walks_away = chosen[number]
        person = Respondent(PORTS[number % 2], f"/q/{code}", seed=number)
        body = person.fill(person.go("GET", person.path))
        line.wait(300)
        page = person.go("POST", person.path, body)
        state = "full" if 'data-state="full"' in page else "walked away" if walks_away else person.answer()
        person.close()
        return state

    with ThreadPoolExecutor(clients) as pool:
        return Counter(pool.map(one, range(clients)))


def standing(database: Database) -> tuple[int, int, int]:
    """Over all cells: places taken beyond the target, places that open forms hold now, answers counted."""
    with database.read() as session:
        cells = session.execute(select(QuotaCell.taken, QuotaCell.target))
        over = sum(max(0, taken - target) for taken, target in cells)
        is_held = Reservation.expires_at > datetime.now(UTC)  # those of earlier rounds are over
        held = session.scalar(select(func.count()).select_from(Reservation).where(is_held)) or 0
        counted = session.scalar(select(func.sum(Tally.completed)).where(Tally.mode.in_(MODES))) or 0
    return over, held, counted


def let_time_pass(database: Database) -> None:
    """As if half an hour had gone by for whoever walked away."""
    with database.begin() as session:
        session.execute(update(Reservation).values(expires_at=datetime.now(UTC) - timedelta(minutes=1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--places", type=int, default=4)
    stated = parser.parse_args()
    figures = Counter[str](overshoot=0, missing=0, not_free_again=0, walked_away=0, done=0, taken_again=0)
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        field = ground.prepare(url, Path(name), people=1, places=1)
        database = open_database(url)
        servers = [ground.start(field, port) for port in PORTS]
        try:
            for number in range(stated.rounds):
                codes = make_cells(database, field, stated.places)
                states = press(codes, stated.clients, f"{number}")
                _over, held, _counted = standing(database)
                let_time_pass(database)
                again = press(codes, stated.clients, f"again {number}")
                over, _held, counted = standing(database)
                let_time_pass(database)
                figures["overshoot"] = over
                figures["done"] += states["done"] + again["done"]
                figures["walked_away"] += states["walked away"]
                figures["taken_again"] += again["done"] + again["walked away"]
                figures["not_free_again"] += max(0, held - again["done"] - again["walked away"])
                figures["missing"] = max(0, figures["done"] - counted)
        finally:
            for server in servers:
                ground.stop(server)
            database.close()
    told = {"fault": "F11 crossed", "engine": stated.engine, "rounds": stated.rounds, "clients": stated.clients}
    cells = {"cells_a_round": len(MODES) * len(POINTS), "places_a_cell": stated.places}
    ground.report(told | cells | dict(figures), "overshoot", "missing", "not_free_again")


if __name__ == "__main__":
    main()

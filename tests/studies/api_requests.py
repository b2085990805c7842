"""A long run of made-up requests against the API: `python tests/studies/api_requests.py [--examples 300] [--seed 1]`.

Every operation of the description is asked with values that fit it and with values that do not (schemathesis), half of
them about a sealed wave of the demonstration, by a key that may do everything. A table says how many requests were
sent, what came back and what did not fit the description; the end is 1 when anything did not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from limits import parse
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import readers

from survey.app import create_app
from survey.config import settings_from
from survey.db import open_database
from survey.stages import api_keys
from survey.stages.api_keys import Scope
from survey.web.api import door

THERE = {"wave": readers.WAVE, "number": 1, "scheme": "local-department-sample", "year": 2025}
CHECKS = [
    not_a_server_error, response_schema_conformance, status_code_conformance, content_type_conformance,
    response_headers_conformance, allow_header_conformance, ignored_auth, unsupported_method,
]  # fmt: skip
MODES = {GenerationMode.POSITIVE: CHECKS, GenerationMode.NEGATIVE: [*CHECKS, negative_data_rejection]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=300, help="Of each operation, fitting ones and others.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", help="A demonstration whose citizens' wave is sealed; default: one is built.")
    parser.add_argument("--keys", type=Path)
    stated = parser.parse_args()
    door.RATE = parse("100000000/minute")  # what is tried here is not the pace
    with tempfile.TemporaryDirectory() as name:
        url, keys = (stated.database, stated.keys) if stated.database else readers.prepare(Path(name))
        app = create_app(settings_from({"HAILONG_DATABASE": url, "HAILONG_KEYS": str(keys)}))
        faults = run(app, key_of(url), stated.examples, stated.seed)
    print(f"{faults} faults")
    sys.exit(1 if faults else 0)


def key_of(url: str) -> str:
    """A key that may do everything."""
    database, now = open_database(url), datetime.now(UTC)
    with database.begin() as session:
        text = api_keys.issue(
            session, name="study", scopes=list(Scope), unit=None, expires_at=now + timedelta(days=1), actor="study",
            now=now,
        )  # fmt: skip
    database.close()
    return text


def run(app: Flask, key: str, examples: int, number: int) -> int:
    """Ask everything; the number of faults."""
    schema, faults = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app), 0
    for operation in schema.get_all_operations():
        for mode, checks in MODES.items():
            found, told = Counter[str](), Counter[str]()
            ask(operation.ok(), mode, checks, key, examples, number, found, told)
            statuses = ", ".join(f"{status} x {count}" for status, count in sorted(found.items()))
            print(f"{operation.ok().label} {mode.value}: {found.total()} requests ({statuses}), {told.total()} faults")
            for fault, count in told.items():
                print(f"  {count} x {fault}")
            sys.stdout.flush()
            faults += told.total()
    return faults


def ask(
    operation: Any, mode: GenerationMode, checks: list[Any], key: str, examples: int, number: int,
    found: Counter[str], told: Counter[str],
) -> None:  # fmt: skip
    """Send the examples of one operation."""
    head = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}

    @seed(number)
    @settings(
        max_examples=examples, deadline=None, phases=[Phase.generate], database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(mode))
    def one(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and found.total() % 2:
            case.path_parameters |= {name: value for name, value in THERE.items() if name in case.path_parameters}
        response = case.call(headers=head)
        found[str(response.status_code)] += 1
        try:
            case.validate_response(response, checks=checks, headers=head)
        except FailureGroup as group:
            told.update(f"{type(fault).__name__}: {fault} [{response.status_code}]" for fault in group.exceptions)

    try:
        one()
    except Exception as error:  # nothing fits: every value of the description is allowed
        if type(error).__name__ not in {"Unsatisfiable", "SkipTest"}:
            raise


if __name__ == "__main__":
    main()

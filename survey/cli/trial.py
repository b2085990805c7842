"""`hailong demo` and `hailong run`: a demonstration province, and the site with it for trying out."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import Any

import click
import segno

from survey.cli.context import open_site, refuses, say
from survey.cli.database import DATABASE
from survey.config import settings_from
from survey.errors.common import DemoDiffers

LOOPBACK = ("127.0.0.1", "localhost")


def build_demo(database: str | None, base_url: str | None, responses: int | None, seed: int | None) -> dict[str, Any]:
    """Build the demonstration, or read what was built before on this database."""
    from survey.demo import build  # needs the statistics; the other commands do not

    site = open_site(database, ready=False, make=True)
    default = build.Options()
    options = build.Options(responses=responses or default.responses, seed=default.seed if seed is None else seed)
    earlier = build.existing(site.settings)
    if earlier is not None:
        if earlier["options"] != options.as_dict() and (responses is not None or seed is not None):
            raise DemoDiffers(database=site.settings.database)
        return {name: earlier[name] for name in build.PRINTED}
    settings = site.settings if base_url is None else site.settings.with_base_url(base_url)
    made = build.build(settings, site.database, site.keys, options, now=site.now(), say=say)
    site.database.close()
    return made.as_dict()


@click.command()
@click.option("--responses", type=click.IntRange(min=108), help="Completed questionnaires of the closed wave.")
@click.option("--seed", type=int, help="Another province.")
@DATABASE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@refuses
def demo(responses: int | None, seed: int | None, database: str | None, as_json: bool) -> None:
    """Build a demonstration province: answers from a known truth, through the real stages."""
    made = build_demo(database, None, responses, seed)
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False, indent=2))
    else:
        _show(made)


@click.command()
@click.option("--base-url", help="How phones reach this machine, as in http://192.168.1.5:8000.")
@click.option("--port", default=8000, show_default=True)
@DATABASE
@refuses
def run(base_url: str | None, port: int, database: str | None) -> None:
    """Build the demonstration if there is none, then serve it: the product to try out with nothing to set up."""
    from survey.cli.server import run_server

    url = (base_url or f"http://127.0.0.1:{port}").rstrip("/")
    _require_free(port)
    made = build_demo(database, url, None, None)
    settings = settings_from().with_database(database).with_base_url(url)
    _show(_moved(made, url))
    host = "127.0.0.1" if any(f"//{name}" in url for name in LOOPBACK) else "0.0.0.0"  # noqa: S104 - asked for
    command = [sys.executable, "-m", "survey", "work", "--database", settings.database]
    with subprocess.Popen(command) as worker:  # noqa: S603 - our own command
        try:
            run_server(settings, host=host, port=port, workers=2, tells=False)
        finally:
            worker.terminate()


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            click.echo(f"port {port} is in use: hailong run --port {port + 1}", err=True)
            sys.exit(1)


def _moved(made: dict[str, Any], url: str) -> dict[str, Any]:
    """The same demonstration at another address."""
    links = {kind: [url + link[len(made["base_url"]) :] for link in found] for kind, found in made["links"].items()}
    return {**made, "base_url": url, "links": links}


def _show(made: dict[str, Any]) -> None:
    url, links = made["base_url"], made["links"]
    click.echo()
    segno.make(links["personal"][0], error="m").terminal(compact=True)
    click.echo(f"A citizen's link      {links['personal'][0]}")
    click.echo(f"A counter's poster    {links['counter'][0]}")
    click.echo(f"An official's link    {links['officials'][0]}")
    click.echo(f"The board             {url}/coordinate")
    for person in made["staff"]:
        click.echo(f"  sign in as          {person['email']}  {person['password']}  ({person['role']})")
    click.echo(f"Messages as shown     {url}/demo/messages")
    click.echo(f"The scores            {url}/results")
    click.echo(f"Score files           {made['results']}")
    click.echo(f"Extract               {made['extract']}")
    click.echo()

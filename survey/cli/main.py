"""The command `hailong`: its groups, in the order of the work, each loaded when it is named."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

COMMANDS: Mapping[str, str] = {  # where each is, in `survey.cli`
    "db": "database",
    "instrument": "instruments",
    "units": "register",
    "wave": "waves",
    "frame": "register",
    "officials": "register",
    "sample": "fieldwork",
    "invitations": "fieldwork",
    "release": "replicates",
    "counters": "fieldwork",
    "messages": "messages",
    "papers": "papers",
    "interviewers": "interviewers",
    "topups": "topups",
    "review": "reviews",
    "recontact": "recontact",
    "inputs": "scores",
    "score": "scores",
    "results": "scores",
    "index": "index",
    "outside": "outside",
    "verify": "seals",
    "staff": "serving",
    "api-keys": "api_keys",
    "audit": "record",
    "privacy": "record",
    "purge": "record",
    "backup": "custody",
    "restore": "custody",
    "keys": "custody",
    "doctor": "doctor",
    "serve": "serving",
    "work": "serving",
    "demo": "trial",
    "run": "trial",
}
FURTHER: Mapping[str, tuple[str, ...]] = {  # who adds commands to a group
    "results": ("releases", "reports", "years"),
    "index": ("index_seals",),
}


class LoadedByName(click.Group):
    """Lists its commands in the order of the work; a command waits for no other one's libraries."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        home, *_others = (
            import_module(f"survey.cli.{module}") for module in (COMMANDS[cmd_name], *FURTHER.get(cmd_name, ()))
        )
        command: click.Command = getattr(home, cmd_name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of these words; of an unknown one, those that look like it are named."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None


@click.group(cls=LoadedByName, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hailong")
def hailong() -> None:
    """Surveys of citizens and civil servants: from the dossier list to scores that hold."""

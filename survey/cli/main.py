"""The command `hailong`: its groups, in the order of the work."""

from __future__ import annotations

import click

from survey.cli import (
    api_keys,
    custody,
    database,
    doctor,
    fieldwork,
    index,
    index_seals,
    instruments,
    interviewers,
    messages,
    outside,
    papers,
    recontact,
    record,
    register,
    releases,
    replicates,
    reports,
    reviews,
    scores,
    seals,
    serving,
    topups,
    trial,
    waves,
    years,
)


class InOrder(click.Group):
    """Lists its commands in the order of the work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hailong")
def hailong() -> None:
    """Surveys of citizens and civil servants: from the dossier list to scores that hold."""


scores.results.add_command(reports.report)
for command in (index_seals.approve, index_seals.seal, index_seals.bundle):
    index.index.add_command(command)
scores.results.add_command(years.years)
for command in (
    database.db,
    instruments.instrument,
    register.units,
    waves.wave,
    register.frame,
    register.officials,
    fieldwork.sample,
    fieldwork.invitations,
    replicates.release,
    fieldwork.counters,
    messages.messages,
    papers.papers,
    interviewers.interviewers,
    topups.topups,
    reviews.review,
    recontact.recontact,
    scores.inputs,
    scores.score,
    releases.RESULTS,
    index.index,
    outside.outside,
    seals.verify,
    serving.staff,
    api_keys.api_keys,
    record.audit,
    record.privacy,
    record.purge,
    custody.backup,
    custody.restore,
    custody.keys,
    doctor.doctor,
    serving.serve,
    serving.work,
    trial.demo,
    trial.run,
):
    hailong.add_command(command)

"""The method note at the end of a report: what was asked of whom, what a figure is worth, how to check it."""

from __future__ import annotations

from survey.paper.document import Block, Bullets, Fact, Heading, Origin, Paragraph
from survey.web import wording
from survey.web.filters import date_text, instant_text, words
from survey.web.report.told import Told
from survey.web.site import gettext as _


def note(told: Told) -> list[Block]:
    """How the figures came about, in the sentences that this audience's survey needs."""
    wave = told.wave
    asked = _("Asked: %(audience)s.", audience=_(wording.AUDIENCES[wave.audience]))
    period = _("Period: %(start)s – %(end)s.", start=date_text(wave.period_from), end=date_text(wave.period_to))
    form = _("Questionnaire: %(title)s.", title=words(told.instrument.title))
    said = _of_citizens(told) if told.is_citizens else _of_officials()
    return [Heading(_("Method note")), Paragraph(f"{asked} {period} {form}"), Bullets((*said, *_of_all()))]


def _of_citizens(told: Told) -> tuple[str, ...]:
    return (
        _(
            "People were drawn by chance from the list of finished dossiers and invited by the survey office, not by "
            "the rated unit. The number that the draw began with is published, so that it can be repeated."
        ),
        _(
            "Answers are weighted to the list: design weights undo that some were more likely to be drawn, calibrated "
            "weights also meet the list's totals. The official figure is the one that the scheme names; the other "
            "stands beside it in the result files."
        ),
        _(
            "Forms from posters, kiosks and open links are counted apart, because whoever likes may fill them in: they "
            "are in no official figure."
        ),
        _(
            "Not everybody invited answered. Weights mend this as far as the list tells who they are; who stays away "
            "for other reasons may think otherwise, and no interval holds that."
        ),
    )


def _of_officials() -> tuple[str, ...]:
    return (_("Officials of the rater groups judged units other than their own, each a block of units drawn for him."),)


def _of_all() -> tuple[str, ...]:
    return (
        _(
            "An interval says between which values the figure lies with 95 %% confidence. Two units whose intervals "
            "overlap widely cannot be told apart; a rank set names all ranks that the data do not rule out."
        ),
        _("Figures of fewer than 10 people are not shown, nor figures from which they could be computed."),
        _(
            "Suspicious answers are not deleted: two offices decide on them, and the result files hold every figure "
            "with and without them."
        ),
    )


def origin(told: Told) -> list[Block]:
    """What the report can be held against: the seal where there is one, else the digest of the data."""
    run, seal = told.run, told.seal
    facts = [
        Fact(_("Computed"), instant_text(run.made_at)),
        Fact(_("Data (SHA-256)"), run.extract_digest),
        Fact(_("Program"), run.code_version),
        *(Fact(_("Scheme"), f"{one.code} {one.version}") for one in told.schemes),
    ]
    title = Heading(_("Where these figures come from"))
    if seal is None:
        said = _("Code of the data, to compare with the sealed file")
        return [title, Origin(f"sha256:{run.extract_digest}", said, tuple(facts))]
    sealed = [
        Fact(_("Sealed"), instant_text(seal.sealed_at)),
        Fact(_("Seal (SHA-256)"), seal.digest),
        Fact(_("Decision"), seal.document),
    ]
    how = _(
        "Whoever has the sealed file can check it without the site: the command hailong verify prints the digest that "
        "this code holds, and names the first thing that was changed."
    )
    said = _("Code of the seal, to compare with the sealed file")
    return [title, Paragraph(how), Origin(f"sha256:{seal.digest}", said, (*sealed, *facts))]

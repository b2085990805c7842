"""What a copied wave changes, and what stands from which step on, in the reader's words."""

from __future__ import annotations

from survey.i18n import mark as _n

PARTS = {
    "period": _n("period of the dossiers"),
    "opens": _n("opens"),
    "closes": _n("closes"),
    "scheme": _n("scoring scheme"),
    "unit_gone": _n("unit no longer rated"),
    "unit_merged": _n("unit merged; its target goes with it"),
    "unit_new": _n("unit newly rated"),
    "documents": _n("decision not copied: each wave has its own"),
}
FROZEN = (
    (_n("when the wave is made or copied"), _n("questionnaire, scoring schemes, units, ways of answering")),
    (_n("when its plan is decided"), _n("targets, sample plan, days of opening and closing")),
    (_n("when the sample is drawn"), _n("dossier lists, seed, who may be invited")),
    (_n("when it opens"), _n("nobody can be taken off; the end can only be put off, by a decision")),
    (_n("when it closes"), _n("answers; the register is emptied")),
    (_n("when it is sealed"), _n("results, and everything that they were made from")),
)

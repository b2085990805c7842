"""What moves satisfaction: how much the rest of a person's answers rises with each factor, over the whole province.

A slope says what goes together, not what causes what; a factor that is low and pulls strongly is where to begin.
"""

from __future__ import annotations

import numpy as np

from analysis.components.beside import Table
from analysis.components.decimals import six
from analysis.components.limits import CONFIDENCE
from analysis.components.tables import Answers
from analysis.describing.people import Sums, design_of
from analysis.errors import AnalysisError
from analysis.estimates.moments import Sample
from analysis.intervals import wald
from analysis.testing.regression import Family, glm

COLUMNS = ("factor", "answers", "pull", "pull_low", "pull_high")
FEWEST = 100  # people, for slopes that are worth reading


def drivers_table(answers: Answers, values: Sums) -> Table:
    """One row a factor: the slope of the other factors' mean on its own, both 0..100, with its 95 % interval.

    Empty for fewer than 100 people and for a questionnaire of one factor. Reference: analysis.quality (`pull`).
    """
    if answers.rows < FEWEST or len(values.factors) < 2:
        return Table(COLUMNS, ())
    design = design_of(answers)
    rows = [_row(design, values, place) for place in range(len(values.factors))]
    return Table(COLUMNS, tuple(rows))


def _row(design: Sample, values: Sums, place: int) -> dict[str, str | None]:
    own = values.mean([place])
    rest = values.mean([other for other in range(len(values.factors)) if other != place])
    count = int((np.isfinite(own) & np.isfinite(rest)).sum())
    cells: tuple[str | None, ...] = (None, None, None)
    if count >= FEWEST:
        try:
            fit = glm(design, rest, np.column_stack([np.ones(len(own)), own]), Family.GAUSSIAN)
            slope = float(fit.estimate.values[1])
            low, high = wald(slope, float(fit.estimate.se[1]), CONFIDENCE, fit.df_residual)
            cells = six(slope), six(float(low)), six(float(high))
        except AnalysisError:  # a factor that does not vary pulls nothing
            cells = (None, None, None)
    return dict(zip(COLUMNS, (values.factors[place], str(count), *cells), strict=True))

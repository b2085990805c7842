"""Points of typed-in figures: appraisal and socio-economic results by the rule that the scheme gives each component.

They carry no sampling error (METHOD.md section 1), which does not mean that they are free of error.
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis.components.scheme import Kind, Rule, Scheme
from analysis.components.tables import InputRow
from analysis.errors import CellInvalid, CodeUnknown


def fixed_points(
    scheme: Scheme, inputs: Sequence[InputRow], served: frozenset[str], *, strict: bool, points_given: bool = False
) -> dict[tuple[str, str], float]:
    """Points by (unit, component code) of the units that the scheme serves.

    A figure for a survey component is points from another wave, one for an area, criterion, group or the total are the
    points of that whole. With `points_given` every row (of `points.csv`) holds points, whatever the rule. Not `strict`
    (a rehearsal with another scheme) passes over codes that the scheme does not have. Raises CodeUnknown, CellInvalid
    (points outside 0..max
    where the scheme knows no bonus or penalty).
    """
    whole = Rule(Kind.MANUAL)
    known = {part.code: (whole, part.maximum) for part in scheme.parts()}
    known |= {one.code: (one.rule, one.maximum) for one in scheme.components}
    file = "points.csv" if points_given else "inputs.csv"
    points: dict[tuple[str, str], float] = {}
    for place, row in enumerate(inputs, start=2):  # the row of the canonical file
        if row.unit not in served:
            continue
        if row.code not in known:
            if strict:
                raise CodeUnknown(file, "code", row.code, f"scheme {scheme.code}")
            continue
        rule, most = known[row.code]
        earned = row.value if points_given else points_of(rule, most, row.value)
        if not scheme.bonus_penalty and not 0 <= earned <= most:
            allowed = f"0 to {most:g} points for {row.code} of unit {row.unit}"
            raise CellInvalid(file, place, "value", f"{row.value:g}", allowed)
        points[row.unit, row.code] = earned
    return points


def points_of(rule: Rule, maximum: float, figure: float) -> float:
    """Points of one figure; for `manual` and for survey rules the figure is the points themselves."""
    if rule.kind is Kind.LINEAR:
        return maximum * min(max((figure - rule.floor) / (rule.target - rule.floor), 0.0), 1.0)
    if rule.kind is Kind.LINEAR_CAP:
        return maximum * min(max(figure / rule.target, 0.0), 1.0)
    if rule.kind is Kind.BANDS:
        return next((points for least, points in rule.bands if figure >= least), 0.0)
    return figure

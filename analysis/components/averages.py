"""The average of a level, as the scheme names it: the plain mean of its ranked units, or weighted by their dossiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum

import numpy as np

from analysis.components.decimals import six
from analysis.components.sheet import RANKED, Sheet, Used

AVERAGED = frozenset({"overall", "total"})


def level_averages(sheets: Sequence[Sheet], dossiers: Mapping[str, float]) -> list[dict[str, object]]:
    """Averages of the official overall index and total of every level (`level_average`: plain | dossiers)."""
    found: list[dict[str, object]] = []
    for sheet in sheets:
        key = sheet.key
        chosen = key.rule is key.scheme.index_rule and key.weighting is key.scheme.weighting and key.used is Used.ALL
        if not chosen or key.level != key.scheme.level:
            continue
        for p, line in enumerate(sheet.lines):
            if line.level_of in AVERAGED:
                ranked = np.flatnonzero(np.isin(sheet.status[:, p], list(RANKED)))
                values = (sheet.points if line.is_points else sheet.index)[ranked, p].tolist()
                plain = key.scheme.level_average == "plain"
                weights = [1.0 if plain else dossiers.get(sheet.units[u], 0.0) for u in ranked.tolist()]
                total = fsum(weights)
                mean = fsum(v * w for v, w in zip(values, weights, strict=True)) / total if total > 0 else None
                found.append({
                    "scheme": key.scheme.code, "level": key.level, "level_of": line.level_of, "code": line.code,
                    "average": key.scheme.level_average, "units": len(values), "value": six(mean),
                })  # fmt: skip
    return found

"""What honest answers to the wave look like: a few latent classes of opinion, items independent inside a class.

Satisfaction data are skewed and of one factor, so plain likeness of two answers says nothing; likelihoods under this
model do. Reference: Lazarsfeld and Henry (1968), Latent Structure Analysis; Dempster, Laird, Rubin (1977) for EM.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.design import FloatArray, IntArray
from analysis.screening.sheets import Sheets, Values

CLASSES = 5
ROUNDS = 20
FITTED_ROWS = 20_000  # evenly spaced answers that the model is fitted to, when there are more
CHUNK = 50_000
TINY = 1e-6

Single = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Opinions:
    """Class shares float64[C]; answer probabilities float64[C, k, m] of each class; the wave's own, float64[k, m]."""

    shares: FloatArray
    answers: FloatArray
    overall: FloatArray


@dataclass(frozen=True, eq=False)
class Placed:
    """The answers in the model: posterior of the classes float32[n, C], log likelihood float64[n]."""

    posterior: Single
    loglik: FloatArray

    @property
    def best(self) -> IntArray:
        """The most likely class, int64[n]."""
        return np.asarray(self.posterior.argmax(axis=1), dtype=np.int64)


def levels(sheets: Sheets) -> FloatArray:
    """Mean of each answer's scale values, float64[n]; the middle of the scale without any."""
    valid = (sheets.values > 0).sum(axis=1)
    total = sheets.values.sum(axis=1, dtype=np.float64)
    return np.where(valid > 0, total / np.maximum(valid, 1), (sheets.steps + 1) / 2)


def indicators(values: Values, steps: int) -> Single:
    """One column for each item and scale value, float32[n, k m]; all zero for a missing cell."""
    marks = values[:, :, None] == np.arange(1, steps + 1, dtype=np.int8)
    return np.asarray(marks.reshape(len(values), -1), dtype=np.float32)


def fit_opinions(sheets: Sheets) -> Opinions:
    """Fit CLASSES classes to the trusted answers by ROUNDS of EM from the quantiles of the level; deterministic. Each
    class leans on the wave's own frequencies with the weight of one answer."""
    rows = sheets.trusted[evenly(len(sheets.trusted), FITTED_ROWS)]
    marks = indicators(sheets.values[rows], sheets.steps)
    shape = (sheets.values.shape[1], sheets.steps)
    overall = _normed(marks.sum(axis=0, dtype=np.float64).reshape(shape) + TINY)
    level = levels(sheets)[rows]
    cuts = np.unique(np.quantile(level, np.arange(1, CLASSES) / CLASSES))
    start = np.searchsorted(cuts, level, side="left")
    posterior = (start[:, None] == np.arange(len(cuts) + 1)).astype(np.float32)
    for _ in range(ROUNDS):
        shares = posterior.mean(axis=0, dtype=np.float64) + TINY
        counts = (posterior.T @ marks).astype(np.float64).reshape(-1, *shape)
        model = Opinions(shares / shares.sum(), _normed(counts + overall), overall)
        posterior = _place(marks, model).posterior
    return model


def place(sheets: Sheets, model: Opinions) -> Placed:
    """Posterior and log likelihood of every answer."""
    parts = [
        _place(indicators(sheets.values[start : start + CHUNK], sheets.steps), model)
        for start in range(0, sheets.rows, CHUNK)
    ]
    return Placed(np.concatenate([one.posterior for one in parts]), np.concatenate([one.loglik for one in parts]))


def likelihoods(sheets: Sheets, logs: FloatArray) -> FloatArray:
    """Log likelihood of every answer under T laws of independent items: logs float64[T, k, m] -> float64[n, T]."""
    flat = logs.reshape(len(logs), -1).T.astype(np.float32)
    parts = [
        indicators(sheets.values[start : start + CHUNK], sheets.steps) @ flat for start in range(0, sheets.rows, CHUNK)
    ]
    return np.concatenate(parts).astype(np.float64)


def evenly(n: int, most: int) -> IntArray:
    """At most `most` row numbers spread evenly over n rows (which are sorted by content)."""
    return np.arange(n, dtype=np.int64) if n <= most else np.linspace(0, n - 1, most).astype(np.int64)


def _place(marks: Single, model: Opinions) -> Placed:
    log_answers = np.log(np.maximum(model.answers, TINY)).reshape(len(model.shares), -1)
    joint = marks @ log_answers.T.astype(np.float32) + np.log(model.shares).astype(np.float32)
    top = joint.max(axis=1, keepdims=True)
    raised = np.exp(joint - top)
    total = raised.sum(axis=1, keepdims=True)
    return Placed(raised / total, (top + np.log(total))[:, 0].astype(np.float64))


def _normed(counts: FloatArray) -> FloatArray:
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))

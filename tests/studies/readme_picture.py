"""Draws the README's picture: the index of each unit of a results folder with its 95 % interval, and the truth.

Usage: python tests/studies/readme_picture.py RESULTS TRUTH.csv OUT.svg
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 940, 360, 44, 34, 26
LOWEST = 40.0


def main(results: Path, truth: Path, out: Path) -> None:
    with truth.open(encoding="utf-8") as file:
        true = {row["unit"]: float(row["index"]) for row in csv.DictReader(file)}
    rows = [
        row
        for row in json.loads((results / "scores.json").read_text(encoding="utf-8"))["rows"]
        if row["level_of"] == "overall" and row["is_official"] == "yes" and row["unit"] in true
    ]
    rows.sort(key=lambda row: float(row["index"]), reverse=True)
    out.write_text(picture(rows, true), encoding="utf-8")


def picture(rows: list[dict[str, str]], true: dict[str, float]) -> str:
    step = (WIDTH - LEFT - 8) / len(rows)
    hit = sum(float(row["ci_low"]) <= true[row["unit"]] <= float(row["ci_high"]) for row in rows)
    median = sorted(int(row["n_valid"]) for row in rows)[len(rows) // 2]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20">{len(rows)} units, about {median} answers each: index, 95 % interval, '
        f"truth (circles; inside in {hit})</text>",
    ]
    for tick in range(int(LOWEST), 101, 10):
        parts.append(f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - 8}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick}</text>')
    for place, row in enumerate(rows):
        x = LEFT + (place + 0.5) * step
        low, high, index = (float(row[name]) for name in ("ci_low", "ci_high", "index"))
        parts.append(f'<path d="M{x:.1f} {y(low):.1f}V{y(high):.1f}" stroke="#7a9cc6" stroke-width="3"/>')
        parts.append(f'<path d="M{x - 3:.1f} {y(index):.1f}h6" stroke="#0b3d91" stroke-width="2.5"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y(true[row["unit"]]):.1f}" r="2.2" fill="#fff" stroke="#b3261e"/>')
    parts.append(
        f'<text x="{LEFT}" y="{HEIGHT - 8}">first to last by index: the order that a ranking would print</text></svg>'
    )
    return "\n".join(parts) + "\n"


def y(value: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (100 - max(value, LOWEST)) / (100 - LOWEST)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))

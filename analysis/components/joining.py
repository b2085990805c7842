"""The stored rule by which a class or stratum without enough answers joins its nearest neighbour.

Rule 1 of 1 (`RULE`): codes are hierarchical text, so nearest is the longest common beginning; then the fewest places
apart in the sorted list of codes; then the code that sorts first. No answer and no random number enters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

RULE = "longest common beginning of the codes, then fewest places apart when sorted, then the first in order"


def nearest(code: str, candidates: Sequence[str]) -> str:
    """The candidate nearest to `code`; `candidates` is not empty and does not hold `code`."""
    place = {one: number for number, one in enumerate(sorted({*candidates, code}))}
    return min(candidates, key=lambda one: (-shared_beginning(code, one), abs(place[one] - place[code]), one))


def shared_beginning(first: str, second: str) -> int:
    """How many characters two codes share from the start."""
    length = min(len(first), len(second))
    return next((place for place in range(length) if first[place] != second[place]), length)


def join_small(counts: Mapping[str, int], least: int) -> dict[str, str]:
    """Join codes with fewer than `least` answers until every joined set has as many, or one set is left.

    The smallest set goes first (ties: the code that sorts first) and joins the nearest other set; a set is named by its
    code with most answers (ties: the first in order). Returns code -> name of its set, for every code.
    """
    heads = {code: code for code in counts}
    sizes = dict(counts)
    while len(sizes) > 1:
        small = min(sizes, key=lambda code: (sizes[code], code))
        if sizes[small] >= least:
            break
        target = nearest(small, [code for code in sizes if code != small])
        sizes[target] += sizes.pop(small)
        heads = {code: target if head == small else head for code, head in heads.items()}
    return heads

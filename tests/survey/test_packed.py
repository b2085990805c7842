"""Pages packed between one reader's own words: every browser unpacks the page, and no secret shrinks with it."""

from __future__ import annotations

import gzip
import random

import pytest

from survey.web.packed import A_FEW, Frame

PARTS = ("<p>Ông/Bà có hài lòng không?</p>" * 40, "<p>Ông/Bà có hài lòng không?</p>" * 9, "", "<p>hết</p>")


@pytest.mark.parametrize(
    "lengths",
    [(0, 0, 0), (22, 91, 17), (A_FEW, 1, A_FEW), (A_FEW + 1, 22, 22), (5, 40_000, 3), (70_000, 70_000, 70_000)],
)
def test_a_page_unpacks_to_what_it_says(lengths: tuple[int, ...]) -> None:
    draw, frame = random.Random(7), Frame(PARTS)
    for _ in range(3):  # packed anew, then from what was kept
        own = [bytes(draw.choices(b"<>p hailong", k=length)) for length in lengths]
        page = b"".join(one for pair in zip(frame.parts, [*own, b""], strict=True) for one in pair)
        assert frame.plain(own) == page
        assert gzip.decompress(frame.gzipped(own)) == page


def test_other_lengths_after_each_other_stay_right() -> None:
    frame = Frame(PARTS)
    for length in [*range(40), *range(40)]:
        own = [b"x" * length, b"y" * (300 - length), b""]
        assert gzip.decompress(frame.gzipped(own)) == frame.plain(own)


def test_the_size_tells_nothing_of_a_secret_that_somebody_guesses() -> None:
    frame, secret = Frame(PARTS), b"q7Zr0_tV1w9LkP3s"
    right, wrong = (len(frame.gzipped([secret, guess, b"end"])) for guess in (secret, secret[::-1]))
    assert right == wrong
    whole = [b'value="%s' % secret, b"/k/?%s" % secret, b""]
    assert len(frame.gzipped(whole)) > len(gzip.compress(frame.plain(whole)))  # packed as one, it would tell

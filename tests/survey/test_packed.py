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
    of_the_page, other = (len(frame.gzipped([word, b"", b""])) for word in (frame.parts[0][:16], secret))
    assert of_the_page == other
    many = b"an answer of many words " * 20
    told, untold = (len(frame.gzipped([secret, many + guess, b""])) for guess in (secret, secret[::-1]))
    assert abs(told - untold) <= 1  # packed as one the right guess would be as short as a pointer
    as_one = [len(gzip.compress(frame.plain([secret, many + guess, b""]))) for guess in (secret, secret[::-1])]
    assert as_one[1] - as_one[0] > 5


def test_a_page_with_the_byte_0_unpacks_too() -> None:
    frame = Frame(("a", "\0" * 60, "\0" * 60 + "b"))
    own = [b"x" * 50, b"y" * 50]
    assert gzip.decompress(frame.gzipped(own)) == frame.plain(own)

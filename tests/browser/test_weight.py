"""What a phone loads over its wire: the first page at once, after the first press the whole form in one piece."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from survey.instrument import builtin_instrument
from survey.model.wave import Wave
from survey.stages import waves

pytestmark = pytest.mark.browser
WINDOW, FURTHER = 14_336, 6_144


@pytest.mark.parametrize("link", ["sipas-2022", "service-2025", "officials"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_first_press_brings_at_most_six_kilobytes(
    site: Any, open_phone: Callable[..., Page], link: str, language: str
) -> None:
    path = site.field.officials[0]
    if link != "officials":
        path = site.field.personal[0]
        with site.database.begin() as session:
            wave = session.scalars(select(Wave).where(Wave.audience == "citizens")).one()
            wave.instrument = builtin_instrument(link).source
        with site.database.read() as session:
            waves.look_again(session)
    page = open_phone()
    page.context.add_cookies([{"name": "lang", "value": language, "url": site.url}])
    cdp, sizes = page.context.new_cdp_session(page), list[float]()
    cdp.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    cdp.send("Network.enable")
    page.goto(f"{site.url}/k/{path}", wait_until="networkidle")
    first = len(sizes)
    assert (first, sum(sizes) <= WINDOW) == (2, True), sizes
    page.locator("main form > button").first.click()
    expect(page.locator("main fieldset").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert sum(sizes[first:]) <= FURTHER, sizes

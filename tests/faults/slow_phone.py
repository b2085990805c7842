"""F8: a cheap phone on a weak network (400 kbit/s, 400 ms, a processor four times slower): a whole answer, timed.

The network and the processor are slowed by Chromium itself. Told are bytes and requests of the first page and of all,
when the first page was to be seen, how long the site let the person wait in all, and how long from press to next page.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import ground
from playwright.sync_api import Error, Page, sync_playwright

PORT = 23210
NETWORK = {"latency": 400, "downloadThroughput": 400e3 / 8, "uploadThroughput": 400e3 / 8, "offline": False}
SLOWER = 4
PHONE = {"width": 360, "height": 640}
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
LONGEST = 60_000
BUTTON = "main form > button"


def answer(page: Page, link: str) -> dict[str, Any]:
    """Answer everything as fast as the site lets: what is measured is the site, not the reader."""
    sizes, asked = list[float](), list[str]()
    cdp = page.context.new_cdp_session(page)
    cdp.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    cdp.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["method"]))
    cdp.send("Network.enable")
    cdp.send("Network.emulateNetworkConditions", NETWORK)
    cdp.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    began = time.monotonic()
    page.goto(link, wait_until="load", timeout=LONGEST)
    first, loaded, seen = list(sizes), time.monotonic() - began, first_paint(page)
    waits, items = list[float](), 0
    while not page.locator("[data-state]").count():
        items += page.locator("main fieldset:visible").count()
        for fieldset in page.locator("main fieldset:visible").all():
            fieldset.locator("input:not([type=hidden])").first.check()
        here, pressed = page.inner_text("h1"), time.monotonic()
        page.locator(BUTTON).first.click()
        wait_for_next(page, here)
        waits.append(time.monotonic() - pressed)
    return {
        "state": page.locator("[data-state]").get_attribute("data-state"), "items": items,
        "first_page_bytes": sum(first), "first_page_requests": len(first), "bytes": sum(sizes),
        "requests": len(asked), "first_paint_ms": round(seen), "first_page_s": round(loaded, 1),
        "longest_wait_s": round(max(waits), 1), "waited_s": round(loaded + sum(waits), 1),
    }  # fmt: skip


def first_paint(page: Page) -> float:
    """When something was to be seen (ms): a small page may be loaded before that."""
    until = time.monotonic() + LONGEST / 1000
    while (seen := page.evaluate(FIRST_PAINT)) is None:
        if time.monotonic() > until:
            raise TimeoutError("nothing was painted")
        time.sleep(0.02)
    return float(seen)


def wait_for_next(page: Page, here: str) -> None:
    """Wait until another page stands there, with a script or without one."""
    until = time.monotonic() + LONGEST / 1000
    while time.monotonic() < until:
        with suppress(Error):  # it is between two pages
            if page.inner_text("h1", timeout=1000) != here:
                return
        time.sleep(0.02)
    raise TimeoutError(here)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        field = ground.prepare(url, Path(name), people=2)
        server = ground.start(field, PORT)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
                flows = {}
                for flow, link, has_script in zip(("scripted", "plain"), field.links, (True, False), strict=True):
                    page = browser.new_context(viewport=PHONE, java_script_enabled=has_script).new_page()
                    flows[flow] = answer(page, f"http://{ground.HOST}:{PORT}/k/{link}")
                    page.context.close()
                browser.close()
        finally:
            ground.stop(server)
        thanked = {link for link, flow in zip(field.links, flows.values(), strict=True) if flow["state"] == "done"}
        figures = ground.verdict(field, thanked, not_thanked=2 - len(thanked), **flows)
    ground.report({"fault": "F8", "engine": stated.engine} | figures, "missing", "duplicates", "not_thanked")


if __name__ == "__main__":
    main()

"""F9: answers lost, cut, late, and requests sent twice, by a proxy between; each form is stored once all the same."""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import tempfile
import threading
from collections import Counter
from pathlib import Path

import ground
import respondent

PORT, SERVER = 23110, 23111
FORM = re.compile(rb"(?:^|[&\n])key=([^&]+)")  # the form that is sent, by its own key
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Proxy:
    """Passes requests on one by one and spoils some of what comes back."""

    def __init__(self, seed: int) -> None:
        self.random, self.did = random.Random(seed), Counter[str]()
        self.sent = Counter[bytes]()
        self.loop = asyncio.new_event_loop()

    def run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self.serve, ground.HOST, PORT))
        ready.set()
        self.loop.run_forever()
        server.close()

    async def serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            while request := await message(client):
                form = FORM.search(request)
                fault = self.random.choices(["lost", "cut", "late", "twice", "none"], [20, 10, 10, 10, 50])[0]
                if form and not self.sent:
                    fault = "lost"  # of few forms none might come again by chance
                self.did[fault] += 1
                times = 2 if fault == "twice" else 1
                if form:
                    self.sent[form[1]] += times
                answers = await asyncio.gather(*(self.ask(request) for _ in range(times)))
                if fault == "lost":
                    break
                if fault == "late":
                    await asyncio.sleep(0.3)
                back.write(answers[0][: len(answers[0]) // 2] if fault == "cut" else answers[0])
                await back.drain()
                if fault == "cut":
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            back.close()

    @property
    def replays(self) -> int:
        """How often a form reached the site that had been there before: after a lost answer, or at the same time."""
        return sum(times - 1 for times in self.sent.values())

    async def ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(ground.HOST, SERVER)
        writer.write(request)
        answer = await message(reader)
        writer.close()
        return answer


async def message(reader: asyncio.StreamReader) -> bytes:
    """One HTTP message with its body; empty at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = LENGTH.search(head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--flows", type=int, default=120)
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        field = ground.prepare(url, Path(name), people=stated.flows)
        server = ground.start(field, SERVER)
        proxy, ready = Proxy(1), threading.Event()
        threading.Thread(target=proxy.run, args=(ready,), daemon=True).start()
        ready.wait()
        try:
            thanked, met, _longest = respondent.answer_all(PORT, list(field.links), users=6)
        finally:
            ground.stop(server)
            proxy.loop.call_soon_threadsafe(proxy.loop.stop)
        ended = {name: met[name] for name in ("done", "closed", "gave up") if met[name]}
        figures = ground.verdict(field, thanked, proxy=dict(proxy.did), ended=ended)
    figures |= {
        "replays": proxy.replays,
        "refused_as_another_form": met["409"],
        "never_replayed": int(not proxy.replays),
    }
    figures["not_thanked"] = stated.flows - len(thanked)
    ground.report(
        {"fault": "F9", "engine": stated.engine} | figures, "missing", "duplicates", "not_thanked", "never_replayed"
    )


if __name__ == "__main__":
    main()

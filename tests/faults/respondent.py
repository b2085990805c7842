"""Respondents over plain HTTP, without a script and with one, who send again what was not acknowledged."""

from __future__ import annotations

import gzip
import html
import json
import random
import re
import secrets
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

from ground import HOST

INPUT = re.compile(r"<input\b([^>]*)>")
ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
STATE = re.compile(r'data-state="(\w+)"')
SCRIPT = re.compile(r'src="(/static/respond[^"]*)"')
QUESTION = re.compile(r'<fieldset id="([^"]+)"([^>]*)>(.*?)</fieldset>', re.DOTALL)
LIKE = re.compile(r'data-like="([^"]+)"')
WHOLE = re.compile(r'<template id="form">(.*?)</template>', re.DOTALL)
CONSENT = "~consent"
TOKEN = re.compile(r'name="csrf_token" value="([^"]*)"')


class GaveUp(Exception):
    """The site did not come back in time."""


class Failed(Exception):
    """The site answered with an error of its own."""


class Respondent:
    """One browser on one link."""

    def __init__(self, port: int, path: str, *, seed: int = 0, patience: float = 60) -> None:
        self.port, self.path, self.patience = port, path, patience
        self.random = random.Random(f"{seed}{path}")
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.connection: HTTPConnection | None = None
        self.seen: Counter[str] = Counter()
        self.longest, self.received = 0.0, 0

    def answer(self) -> str:
        """Walk the whole form; the state of the page at the end."""
        page = self.go("GET", self.path)
        while not (state := STATE.search(page)):
            page = self.go("POST", self.path, self.fill(page))
        return state[1]

    def until_last(self) -> str:
        """Walk to the last page of questions; the page."""
        page = self.go("GET", self.path)
        while 'name="key"' not in page and not STATE.search(page):
            page = self.go("POST", self.path, self.fill(page))
        return page

    def fill(self, page: str) -> bytes:
        """The page's own form with one answer to each question."""
        form = page[page.index("<form") : page.index("</form>", page.index("<form"))]
        inputs = [dict(ATTRIBUTE.findall(found)) for found in INPUT.findall(form)]
        data = [(one["name"], html.unescape(one["value"])) for one in inputs if one.get("type") == "hidden"]
        data += [(one["name"], one["value"]) for one in inputs if one.get("name", "").endswith(CONSENT)]
        offered: dict[str, list[str]] = {}
        for one in inputs:
            if one.get("type") == "radio":
                offered.setdefault(one["name"], []).append(one["value"])
        return urlencode(data + [(name, self.random.choice(values)) for name, values in offered.items()]).encode()

    def go(self, method: str, path: str, body: bytes = b"") -> str:
        """Ask for a page, follow where it leads, and ask again while the site is away or busy."""
        started = time.monotonic()
        while True:
            try:
                status, location, text = self.ask(method, path, body)
            except (HTTPException, OSError) as error:
                self.seen[type(error).__name__] += 1
                self.close()
                status, location, text = 503, None, ""
            else:
                self.seen[str(status)] += 1
            if status == 303 and location:
                method, path, body = "GET", location, b""
            elif status >= 500 and status != 503:
                raise Failed(f"{status} for {method} {path.count('/')} deep: {text[:200]}")
            elif status != 503:
                self.path, self.longest = path, max(self.longest, time.monotonic() - started)
                return text
            elif time.monotonic() - started > self.patience:
                raise GaveUp(f"{method} {dict(self.seen)}")
            else:
                self.wait()

    def wait(self) -> None:
        """Less patient than a browser, which waits as long as it is told."""
        time.sleep(0.2)

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, str | None, str]:
        if self.connection is None:
            self.connection = HTTPConnection(HOST, self.port, timeout=30)
        cookies = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        headers = {"Accept-Encoding": "gzip", "Cookie": cookies} | self.headers
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        data = response.read()
        self.received += len(data)
        if response.status == 503:
            self.seen["with Retry-After"] += response.getheader("Retry-After") is not None
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        text = gzip.decompress(data) if response.getheader("Content-Encoding") == "gzip" else data
        return response.status, response.getheader("Location"), text.decode()

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Scripted(Respondent):
    """A browser whose script has the whole form: it saves each page by a post that brings nothing, then sends all."""

    def answer(self) -> str:
        first, link = self.go("GET", self.path), self.path
        self.go("GET", SCRIPT.search(first)[1])  # type: ignore[index]
        token, sent = TOKEN.search(first)[1], []  # type: ignore[index]
        self.headers = {"Accept": "application/json"}
        told = WHOLE.search(first)
        form = unfolded(told[1] if told else self.first_press(link, token))
        for number, section in enumerate(form.split("<section ")[1:-1], start=1):
            chosen = self.fill(f"<form>{section}</form>").decode()
            sent.append(chosen)
            self.go("POST", f"{link}/{number}", f"csrf_token={token}&{chosen}".encode())
        self.headers = {}
        whole = "&".join([f"csrf_token={token}&whole=1&key={secrets.token_hex(16)}", *sent])
        return STATE.search(self.go("POST", f"{link}/review", whole.encode()))[1]  # type: ignore[index]

    def first_press(self, link: str, token: str) -> str:
        """The form that was too large for the first page."""
        form: str = json.loads(self.go("POST", link, f"csrf_token={token}".encode()))["form"]
        return form


def unfolded(form: str) -> str:
    """The form with its lists of choices where they come again, as the script copies them."""
    form = form.replace("'", '"')
    lists = {name: inside for name, _more, inside in QUESTION.findall(form)}

    def full(found: re.Match[str]) -> str:
        like = LIKE.search(found[2])
        copied = lists[like[1]].replace(f'"{like[1]}', f'"{found[1]}') if like else ""
        return found[0].removesuffix("</fieldset>") + copied + "</fieldset>"

    return QUESTION.sub(full, form)


def answer_all(
    port: int, codes: list[str], *, users: int, patience: float = 60
) -> tuple[set[str], Counter[str], float]:
    """Answer personal links, every other one with a script: those thanked for, what was met, the longest wait."""

    def one(number: int, code: str) -> tuple[str, str, Counter[str], float]:
        person = (Scripted if number % 2 else Respondent)(port, f"/k/{code}", patience=patience)
        try:
            state = person.answer()
        except (GaveUp, Failed) as error:
            state = str(error) if isinstance(error, Failed) else "gave up"
        person.close()
        return code, state, person.seen, person.longest

    with ThreadPoolExecutor(users) as pool:
        done = list(pool.map(one, range(len(codes)), codes))
    met = sum((seen for _code, _state, seen, _longest in done), Counter[str]())
    met.update(state for _code, state, _seen, _longest in done)
    return {code for code, state, _seen, _longest in done if state == "done"}, met, max(done, key=lambda d: d[3])[3]

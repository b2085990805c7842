"""One JSON request to a gateway: no redirect is followed, and a failure says whether it may have been taken."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.error import HTTPError, URLError

from survey.channels.contract import MessageRefused, NotNow, Unclear, Why

TIMEOUT = 20.0
LARGEST_REPLY = 64 * 1024
Json = Mapping[str, Any]
Post = Callable[[str, Json, Mapping[str, str]], dict[str, Any]]
Send = Callable[[str, bytes, Mapping[str, str]], bytes]
_UNTRIED = (ConnectionRefusedError, socket.gaierror, TimeoutError)  # before a connection stood
_BY_STATUS: dict[int, Exception] = {
    400: MessageRefused(Why.CONTENT),
    401: NotNow(Why.SIGN_IN, for_all=True),
    403: NotNow(Why.SIGN_IN, for_all=True),
    422: MessageRefused(Why.CONTENT),
    429: NotNow(Why.QUOTA, for_all=True),
    503: NotNow(Why.BUSY),
}


def web_opener() -> urllib.request.OpenerDirector:
    """Web addresses alone, and only the one that was asked for: no handler for redirects, files or FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def poster(timeout: float = TIMEOUT) -> Post:
    """A function that posts JSON and reads the JSON reply."""
    send = sender(timeout)
    return lambda url, body, headers: _reply(send(url, encode(body), headers))


def encode(body: Json) -> bytes:
    """The bytes that go out: a signature is made over them."""
    return json.dumps(body, ensure_ascii=False).encode()


def sender(timeout: float = TIMEOUT) -> Send:
    """A function that posts the bytes of some JSON and returns those of the reply, whatever they are."""
    opener = web_opener()

    def send(url: str, data: bytes, headers: Mapping[str, str]) -> bytes:
        told = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json", **headers}
        request = urllib.request.Request(url, data, told, method="POST")  # noqa: S310 - the opener knows the web alone
        return _read(opener, request, timeout)

    return send


def _read(opener: urllib.request.OpenerDirector, request: urllib.request.Request, timeout: float) -> bytes:
    try:
        with opener.open(request, timeout=timeout) as answer:
            content: bytes = answer.read(LARGEST_REPLY)
            return content
    except HTTPError as error:
        with error:
            raise _by_status(error.code) from error
    except URLError as error:
        if isinstance(error.reason, str):  # not an address of the web
            raise NotNow(Why.SETTINGS, for_all=True) from error
        if isinstance(error.reason, _UNTRIED):
            raise NotNow(Why.UNREACHABLE) from error
        raise Unclear(Why.NO_REPLY) from error
    except (OSError, http.client.HTTPException) as error:  # the request is out, no reply came
        raise Unclear(Why.NO_REPLY) from error


def _by_status(status: int) -> Exception:
    """503 and 429 say that nothing was done; other faults of the gateway may have come after it took the message."""
    found = _BY_STATUS.get(status)
    if found is not None:
        return type(found)(*found.args)
    return Unclear(Why.NO_REPLY) if status >= 500 else NotNow(Why.SETTINGS, for_all=True)


def _reply(content: bytes) -> dict[str, Any]:
    try:
        reply = json.loads(content)
    except ValueError as error:
        raise Unclear(Why.GARBLED) from error
    if not isinstance(reply, dict):
        raise Unclear(Why.GARBLED)
    return reply

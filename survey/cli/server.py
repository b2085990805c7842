"""The web server of `hailong serve` and `run`: gunicorn with threads, and a log that tells of nobody."""

from __future__ import annotations

import gc
import json
import logging
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from survey.app import create_app
from survey.config import Settings
from survey.web import journal

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
COLLECT = (10_000, 20, 100)  # objects made since the last look, looks at the youngest, looks at the middle
FROM_SOMEBODY = "Invalid request from"  # goes on with the address, and with what was sent


class Lines(logging.Formatter):
    """What the server says of itself as one line of JSON; a line of a request is one already."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds")
        told = {"at": at, "what": record.levelname.lower(), "said": record.getMessage()}
        if record.exc_info and record.exc_info[0]:
            told["kind"] = record.exc_info[0].__name__
        return json.dumps(told, separators=(",", ":"))


class Log(Logger):  # type: ignore[misc]
    """gunicorn's log without addresses and paths: link codes stand in paths (HOUSE section 4, rule 5)."""

    def setup(self, cfg: Any) -> None:
        """Every line a JSON object, ours and gunicorn's own, on the error stream."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(Lines())

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        super().warning("Invalid request" if msg.startswith(FROM_SOMEBODY) else msg, *args, **kwargs)

    def exception(self, msg: str, *_args: Any, **kwargs: Any) -> None:
        super().exception(msg.partition(" %")[0], **kwargs)


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with this site; its access log is off, since link codes stand in paths."""

    def __init__(self, settings: Settings, options: dict[str, Any]) -> None:
        self.settings = settings
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> WsgiApp:
        return closing(create_app(self.settings))


def closing(app: WsgiApp) -> WsgiApp:
    """Let the application end a connection: gunicorn leaves its `Connection: close` out and would read on."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if ("Connection", "close") in headers:
                start.__self__.force_close()  # type: ignore[attr-defined]
            return start(status, headers, *more)

        return app(environ, begin)

    return answer


def spare_the_collector(_worker: object) -> None:
    """What a worker starts with lives as long as it does: the collector of cycles need not look through it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)


def run_server(settings: Settings, *, host: str, port: int, workers: int, threads: int = 4, tells: bool = True) -> None:
    """Serve until stopped; with `tells`, write a line for each request."""
    if tells:
        logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line tells any of it
        journal.LOG.addHandler(logging.StreamHandler())
        journal.LOG.setLevel(logging.INFO)
        journal.LOG.propagate = False
    options = {
        "bind": f"{host}:{port}",
        "workers": workers,
        "threads": threads,
        "worker_class": "gthread",
        "logger_class": Log,
        "loglevel": "warning",
        "timeout": 60,
        "graceful_timeout": 20,
        "keepalive": 5,
        "post_worker_init": spare_the_collector,
        "worker_tmp_dir": "/dev/shm" if sys.platform == "linux" else None,  # noqa: S108 - heartbeat files
    }
    Server(settings, options).run()

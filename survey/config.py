"""The settings of one running site, read once from the environment and handed in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

PROVINCE_TIME = ZoneInfo("Asia/Ho_Chi_Minh")


@dataclass(frozen=True)
class Settings:
    """What a site needs to know before it starts; nothing in it changes while the site runs."""

    database: str
    keys: Path
    voices: Path
    translations: Path
    channels: Path
    base_url: str
    redis: str | None
    secret_key: str | None
    sso: Path | None = None
    second_factor: str = ""

    @property
    def asks_second_factor(self) -> bool:
        """Whether who approves, edits schemes or keeps accounts needs one: yes, unless tried out without https."""
        return self.base_url.startswith("https://") if not self.second_factor else self.second_factor == "required"

    def with_database(self, url: str | None) -> Settings:
        """The same settings on another database; None keeps this one."""
        return self if url is None else replace(self, database=database_url(url))

    def with_base_url(self, url: str) -> Settings:
        """The same settings with links to another address."""
        return replace(self, base_url=url.rstrip("/"))


def database_url(text: str) -> str:
    """An SQLAlchemy URL: a plain file path means SQLite, `postgresql://` means psycopg 3."""
    if text.startswith(("postgresql://", "postgres://")):
        return "postgresql+psycopg://" + text.split("://", 1)[1]
    if "://" in text:
        return text
    return "sqlite:///" + str(Path(text).absolute())


def settings_from(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings that the environment states (CONTRACT: HAILONG_*)."""
    env = os.environ if environment is None else environment
    return Settings(
        database=database_url(env.get("HAILONG_DATABASE", "instance/hailong.db")),
        keys=Path(env.get("HAILONG_KEYS", "instance/keys")).absolute(),
        voices=Path(env.get("HAILONG_VOICES", "instance/voices")).absolute(),
        translations=Path(env.get("HAILONG_TRANSLATIONS", "instance/translations")).absolute(),
        channels=Path(env.get("HAILONG_CHANNELS", "instance/channels.toml")).absolute(),
        base_url=env.get("HAILONG_BASE_URL", "http://127.0.0.1:8000").rstrip("/"),
        redis=env.get("HAILONG_REDIS"),
        secret_key=env.get("HAILONG_SECRET_KEY"),
        sso=Path(env.get("HAILONG_SSO", "instance/sso.toml")).absolute(),
        second_factor=env.get("HAILONG_SECOND_FACTOR", ""),
    )

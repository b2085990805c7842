"""Names and phones on a page: who was shown them stands in the log, once a day for each wave."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from survey.config import PROVINCE_TIME
from survey.stages import audit
from survey.web.site import now, signed_in


def note_shown(session: Session, waves: Iterable[str]) -> None:
    """Write down that who is signed in was shown people of these waves (codes), today in the province's time."""
    here = now().astimezone(PROVINCE_TIME)
    since = here.replace(hour=0, minute=0, second=0, microsecond=0)
    for wave in sorted(set(waves)):
        audit.record_once(
            session, actor=signed_in().email, action="contacts.show", subject=wave, since=since, now=now()
        )

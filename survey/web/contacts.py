"""Names and phones on a page: who was shown them stands in the log, once a day for each wave."""

from __future__ import annotations

from collections.abc import Iterable

from survey.config import PROVINCE_TIME
from survey.stages import audit
from survey.web.site import now, signed_in, site

ACTION = "contacts.show"


def note_shown(waves: Iterable[str]) -> None:
    """Write down that who is signed in is shown people of these waves (codes), today in the province's time.

    A phone asks for its list every few seconds while something waits there: nothing is locked once today's line stands.
    """
    at, actor, subjects = now(), signed_in().email, set(waves)
    midnight = at.astimezone(PROVINCE_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    with site().database.read() as session:
        subjects -= audit.subjects_since(session, actor=actor, action=ACTION, since=midnight)
    if subjects:
        with site().database.begin() as session:
            for wave in sorted(subjects):
                audit.record(session, actor=actor, action=ACTION, subject=wave, detail={}, now=at)

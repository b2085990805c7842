"""All tables at once, for migrations and checks."""

from __future__ import annotations

from survey.model import (
    api_key,
    approval,
    audit,
    draft,
    feedback,
    frame,
    index,
    interview,
    invitation,
    message,
    paper,
    quota,
    rater,
    receipt,
    recontact,
    response,
    result,
    sample,
    scheme,
    staff,
    topup,
    unit,
    wave,
)
from survey.model.base import Base

GROUPS = (
    api_key,
    approval,
    audit,
    draft,
    feedback,
    frame,
    index,
    interview,
    invitation,
    message,
    paper,
    quota,
    rater,
    receipt,
    recontact,
    response,
    result,
    sample,
    scheme,
    staff,
    topup,
    unit,
    wave,
)
METADATA = Base.metadata

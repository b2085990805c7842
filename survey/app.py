"""Puts the web application together, in one place: settings in, a Flask application out."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g
from flask_openapi3 import OpenAPI
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined

from survey import resources
from survey.config import Settings, settings_from
from survey.db import Database, open_database
from survey.keys import Keys
from survey.web import (
    account,
    chrome,
    complaints,
    coordinate,
    copies,
    feedback,
    filters,
    guard,
    health,
    index,
    index_seals,
    inputs,
    interviewers,
    interviews,
    journal,
    links,
    listen,
    lists,
    log,
    metrics,
    outside,
    own_list,
    papers,
    people,
    plans,
    prepare,
    preview,
    published,
    receipt,
    receipts,
    recontact,
    refusals,
    release,
    replicates,
    results,
    review,
    routes,
    schemes,
    security,
    shown,
    single,
    sizes,
    stop,
    tokens,
    topups,
    visitors,
)
from survey.web import help as guides
from survey.web.api import description, door
from survey.web.api import views as api
from survey.web.api.problems import Problem, of_values
from survey.web.assets import asset, inlined, own_file
from survey.web.look import look
from survey.web.report import views as report
from survey.web.respond import views as respond
from survey.web.respond.drawn import drawn
from survey.web.site import Site, data_language, here, language, offered_languages, translations

KIOSK_IDLE, KIOSK_THANKS = 45, 10  # seconds until a kiosk goes back to its start


PAGES = (
    chrome,
    health,
    respond,
    account,
    links,
    single,
    security,
    people,
    log,
    coordinate,
    prepare,
    copies,
    lists,
    own_list,
    plans,
    replicates,
    visitors,
    metrics,
    results,
    report,
    published,
    schemes,
    feedback,
    index,
    index_seals,
    inputs,
    outside,
    guides,
    preview,
    papers,
    interviews,
    interviewers,
    topups,
    recontact,
    listen,
    receipt,
    receipts,
    stop,
    shown,
    description,
    release,
    review,
    complaints,
)


def utc_now() -> datetime:
    return datetime.now(UTC)


class SurveyApp(OpenAPI):
    """A Flask whose log names routes, never paths: link codes stand in paths.

    It asks of no function of ours whether it is a coroutine, and reads our own files once, not at every request.
    """

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func

    def send_static_file(self, filename: str) -> Response:
        return Response(own_file(filename), mimetype=mimetypes.guess_type(filename)[0])

    def log_exception(self, exc_info: Any) -> None:
        journal.failed(exc_info[1])


def create_app(
    settings: Settings | None = None,
    *,
    database: Database | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Flask:
    """The web application of a site; without settings, of the site that the environment states."""
    stated = settings or settings_from()
    opened, voices = database or open_database(stated.database), listen.found(stated.voices)
    site = Site(stated, opened, Keys(stated.keys), voices, clock)
    app = SurveyApp(
        "survey",
        static_folder=str(resources.tree(resources.Tree.STATIC)),
        template_folder=str(resources.tree(resources.Tree.TEMPLATES)),
        info=api.INFO,
        security_schemes=api.SECURITY,
        validation_error_model=Problem,
        validation_error_callback=of_values,
        doc_ui=False,
    )
    app.extensions["survey"] = site
    app.url_map.strict_slashes = False
    configure(app, site)
    app.session_interface = tokens.Sessions()
    prepare_templates(app)
    journal.register(app)
    guard.register(app)
    sizes.register(app)
    csrf = CSRFProtect(app)  # it reads the body: after who may send one and how long it may be
    csrf.exempt(api.blueprint)  # a program sends its key itself; a browser never does
    door.register(app)
    refusals.register(app)
    app.register_api(api.blueprint)
    for module in PAGES:
        app.register_blueprint(module.blueprint)
    routes.check_listed(rule.endpoint for rule in app.url_map.iter_rules())
    return app


def configure(app: Flask, site: Site) -> None:
    host = urlsplit(site.settings.base_url).hostname or "localhost"
    app.secret_key = site.settings.secret_key or site.keys.installation.session_secret.hex()
    app.config.update(
        MAX_CONTENT_LENGTH=sizes.LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=sizes.LARGEST_BODY,
        TRUSTED_HOSTS=[host, "localhost", "127.0.0.1", "[::1]"],
        SESSION_COOKIE_NAME="form",
        SESSION_COOKIE_SECURE=site.is_https,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # it asks for the referrer, which our own policy keeps back
        TEMPLATES_AUTO_RELOAD=False,
        KIOSK_IDLE=KIOSK_IDLE,
        KIOSK_THANKS=KIOSK_THANKS,
    )


def prepare_templates(app: Flask) -> None:
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # Vietnamese letters as they are: half the bytes
    environment = app.jinja_env
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: translations().gettext(message),
        lambda singular, plural, n: translations().ngettext(singular, plural, n),
        newstyle=True,
    )
    environment.globals.update(
        asset=asset,
        inlined=inlined,
        csp_nonce=guard.csp_nonce,
        drawn=drawn,
        staff_pages=account.staff_pages,
        voice_of=listen.voice_of,
    )
    filters.register(app)
    app.context_processor(
        lambda: {
            "lang": language(), "data_lang": data_language(), "language_names": offered_languages(),
            "staff": g.get("staff"), "look": look(), "here": here(), "kiosk": g.get("kiosk"),
        }
    )  # fmt: skip

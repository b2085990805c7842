"""The description of the API (OpenAPI 3.1), open to everybody."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, jsonify
from flask_openapi3 import OpenAPI

from survey.web.api.problems import PREFIX

blueprint = Blueprint("description", __name__, url_prefix=PREFIX)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """What may be asked, and what comes back."""
    return jsonify(cast(OpenAPI, current_app).api_doc)

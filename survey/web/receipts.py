"""What gateways tell of messages that they took: signed, at most a change of one row, and nothing told back."""

from __future__ import annotations

import hmac
import os

from flask import Blueprint, Response, abort, current_app, request
from flask.blueprints import BlueprintSetupState

from survey.channels import sms, zalo
from survey.channels.configuration import read_channels
from survey.channels.contract import Channel, Receipt
from survey.channels.zalo import Zalo
from survey.stages import messages, outbox
from survey.web.site import site

blueprint = Blueprint("receipts", __name__, url_prefix="/receipts")
SIGNATURE = "X-ZEvent-Signature"


@blueprint.record_once
def ask_no_token(state: BlueprintSetupState) -> None:
    """A gateway has no form of ours: every receipt carries a signature instead."""
    state.app.extensions["csrf"].exempt(blueprint)


@blueprint.route("/sms/<code>", methods=["GET", "POST"])
def of_sms(code: str) -> Response:
    """A receipt at the address that went out with the message; what it says stands in the query or the form."""
    tracking_id, _point, _signature = code.partition(".")
    if not hmac.compare_digest(messages.signed(site().keys, tracking_id).encode(), code.encode()):
        abort(404)
    told = request.get_json(silent=True)
    return taken(sms.parse_receipt(tracking_id, told if isinstance(told, dict) else request.values))


@blueprint.post("/zalo")
def of_zalo() -> Response:
    """An event that Zalo signed."""
    body = request.get_data()
    timestamp = str((request.get_json(silent=True) or {}).get("timestamp", ""))
    gateway = zalo_gateway()
    if gateway is None or not gateway.is_signed(body, timestamp, request.headers.get(SIGNATURE, "")):
        abort(404)
    return taken(zalo.parse_receipt(body))


def zalo_gateway() -> Zalo | None:
    file = site().settings.channels
    found = read_channels(file, os.environ).adapters.get(Channel.ZALO) if file.is_file() else None
    return found if isinstance(found, Zalo) else None


def taken(receipt: Receipt | None) -> Response:
    """Note it; the answer is the same for what changes nothing."""
    if receipt is not None:
        with site().database.begin() as session:
            if not outbox.receive(session, receipt):
                current_app.logger.info("a receipt changed nothing")
    return Response(status=204, mimetype="text/plain")

"""Responses as JSON, in the form that Google's APIs have (CT-018, CT-019, CT-320)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import Message

from gcptasks.web.json_fields import is_list, is_object
from gcptasks.web.query import Form
from gcptasks.web.selection import selected
from gcptasks.wire.codes import Code, detail_messages, packed, status_of

HTTP_STATUSES: Mapping[Code, int] = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}
"""As `google/rpc/code.proto` has them."""
_USUAL = Form()
_LARGEST = 1e15
"""Up to here a whole number is written with all of its digits."""


def response_of(message: Message, form: Form) -> web.Response:
    """The response of a call."""
    members = _members(message, form)
    return json_response(HTTPStatus.OK, members if form.fields is None else selected(members, form.fields), form)


def refusal_of(error: Exception, form: Form) -> web.Response:
    """The response of a call that was refused."""
    body = refusal_body(error, form)
    return json_response(body["error"]["code"], body, form)


def refusal_body(error: Exception, form: Form = _USUAL) -> dict[str, Any]:
    """The JSON that says why a call was refused."""
    status = status_of(error)
    members = {"code": HTTP_STATUSES[status.code], "message": status.message, "status": status.code.name}
    details = [_members(packed(detail), form) for detail in detail_messages(error)]
    return {"error": members | ({"details": details} if details else {})}


def _members(message: Message, form: Form) -> dict[str, Any]:
    members = json_format.MessageToDict(message, use_integers_for_enums=form.numbers_for_enums)
    return {name: _without_points(value) for name, value in members.items()}


def _without_points(value: object) -> object:
    """The value, and those in it, as Google writes them: a number that is whole without a point."""
    if isinstance(value, float):
        is_whole = value.is_integer() and abs(value) < _LARGEST
        return (int(value) or value) if is_whole else value  # -0.0 has no whole number
    if is_object(value):
        return {name: _without_points(member) for name, member in value.items()}
    if is_list(value):
        return [_without_points(item) for item in value]
    return value


def json_response(status: int, body: Mapping[str, Any], form: Form = _USUAL) -> web.Response:
    """The response with that JSON."""
    if form.indented:
        text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    else:
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return web.Response(status=status, text=text, content_type="application/json", charset="UTF-8")

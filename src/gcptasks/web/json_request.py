"""The message of a request, from its path, query and body (CT-019, CT-020, CT-326)."""

import json
import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from gcptasks.base.errors import BadRequest, InvalidArgument
from gcptasks.web import query
from gcptasks.web.json_fields import is_object, kind_of
from gcptasks.web.paths import Found
from gcptasks.web.violations import Violation, echo, fits_json, fits_once_parsed, violations

_TOLD = 20
"""How many things that are wrong are told."""
_MOST_VALUES = 10_000
"""In one body: for each of 100 tasks of a batch, 100."""
_NOT_JSON = "Invalid JSON payload received. "
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def request_message(found: Found, parameters: query.Parameters, body: bytes) -> Message:
    """The request of the method that was found; `InvalidArgument` if query and body do not make one.

    What the path says counts, whatever the others say (CT-325).
    """
    message: Message = found.method.request()
    wrong = [*_read_query(message, parameters), *_read_body(message, found, body)]
    if wrong:
        raise _refusal(wrong[:_TOLD])
    *parents, leaf = found.field.split(".")
    target: Any = message
    for name in parents:
        target = getattr(target, name)
    setattr(target, leaf, found.value)
    return message


def _refusal(wrong: Sequence[Violation]) -> InvalidArgument:
    return InvalidArgument("\n".join(one.text for one in wrong), BadRequest(wrong))


def _read_query(message: Message, parameters: query.Parameters) -> list[Violation]:
    """Put the parameters into the message; what is wrong with them."""
    value, wrong = query.bound(parameters, kind_of(message))
    return wrong + _read(value, message, "")


def _read_body(message: Message, found: Found, body: bytes) -> list[Violation]:
    """Put the body into the message; what is wrong with it."""
    if not body.strip():
        return []
    field = found.rule.body
    if not field:
        raise InvalidArgument(f"{found.method.name} takes no body; send the request without one.")
    place = "" if field == "*" else field
    target: Message = getattr(message, place) if place else message
    target.SetInParent()
    return _read(_loaded(body), target, place)


def _read(value: object, target: Message, place: str) -> list[Violation]:
    """Put the value into the target; all that is wrong with it, but for the end of a long list."""
    said = ""
    try:
        if is_object(value):
            json_format.ParseDict(value, target)
    except Exception as error:  # not all that values lead to is a ParseError: json_format.Parse catches it so as well
        said = str(error)
    fits = fits_json if said else fits_once_parsed
    wrong = list(islice(violations(value, kind_of(target), place, fits), _TOLD))
    return wrong if wrong or not said else [Violation(place, _NOT_JSON + echo(said))]


def _loaded(body: bytes) -> object:
    try:
        text = body.decode()
        if _has_too_many_values(text):
            raise InvalidArgument(f"{_NOT_JSON}It has more than {_MOST_VALUES} values.")
        return json.loads(text)
    except UnicodeDecodeError:
        raise InvalidArgument(f"{_NOT_JSON}Encountered non UTF-8 code points.") from None
    except RecursionError:
        raise InvalidArgument(f"{_NOT_JSON}It is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise InvalidArgument(f"{_NOT_JSON}{error}") from None
    except ValueError:
        raise InvalidArgument(f"{_NOT_JSON}A number has too many digits.") from None


def _has_too_many_values(text: str) -> bool:
    """Whether it takes too long to make a message of it: of each value that is an object, some ten microseconds."""
    return _count(text) > _MOST_VALUES and _count(_STRING.sub("", text)) > _MOST_VALUES


def _count(text: str) -> int:
    return text.count(",") + text.count("{") + text.count("[")

"""The query of a request: fields of its message, and parameters that all of Google's APIs have."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gcptasks.base.errors import InvalidArgument
from gcptasks.web.json_fields import field_named, object_kind
from gcptasks.web.selection import Selection, selection
from gcptasks.web.violations import Violation, echo, unknown_name

_OF_THE_RESPONSE = ("alt", "prettyPrint", "fields", "callback")
_WITHOUT_MEANING = {
    *(".xgafv", "access_token", "apiVersion", "ct", "key", "oauth_token", "quotaUser", "uploadType"),
    *("upload_protocol", "userProject"),
}
"""They ask for access, say how Google counts a call, or what a header says too."""
_BOOLS = {"true": True, "false": False}

Parameters = Iterable[tuple[str, str]]


class Form(NamedTuple):
    """How the response is to be written."""

    indented: bool = True
    numbers_for_enums: bool = False
    fields: "Selection | None" = None
    """Which parts of it; None: all."""


def form_of(query: Parameters, response: Descriptor, mask: str = "") -> Form:
    """How the response, a message of that kind, is wanted (CT-320, CT-321); `InvalidArgument` if it cannot be so.

    `mask`: the fields that are wanted by a header, if the query names none.
    """
    form = Form()
    wanted = ""
    for name, value in query:
        match name.removeprefix("$"):
            case "alt":
                kind, _, option = value.partition(";")
                if kind != "json" or option not in ("", "enum-encoding=int"):
                    raise InvalidArgument(
                        f"There is no alt={echo(value)}: responses are JSON. Leave the parameter out."
                    )
                form = form._replace(numbers_for_enums=bool(option))
            case "prettyPrint":
                form = form._replace(indented=value not in ("false", "0"))
            case "fields":
                wanted = ",".join(filter(None, (wanted, value)))
            case "callback":
                raise InvalidArgument("There is no callback: no page of another site may read a response.")
            case _:
                pass
    wanted = wanted or mask
    return form._replace(fields=selection(wanted, response)) if wanted else form


def fields_of(query: Parameters) -> Iterator[tuple[str, str]]:
    """The parameters that are fields of the request."""
    for name, value in query:
        plain = name.removeprefix("$")
        if plain not in _OF_THE_RESPONSE and plain not in _WITHOUT_MEANING:
            yield name, value


def bound(query: Parameters, kind: Descriptor) -> tuple[dict[str, Any], list[Violation]]:
    """The parameters as the JSON of a message of that kind, and what is wrong with their names."""
    value: dict[str, Any] = {}
    wrong: list[Violation] = []
    for name, text in fields_of(query):
        if why := _add(value, name, text, kind):
            wrong.append(unknown_name(name, "", f"Cannot bind query parameter. {why}"))
    return value, wrong


def _add(value: dict[str, Any], path: str, text: str, kind: Descriptor) -> str:
    """Add a parameter such as `pageSize` or `task.name`; why that cannot be, or nothing."""
    *parents, leaf = path.split(".")
    for name in parents:
        parent = field_named(kind, name)
        inner = object_kind(parent) if parent and not parent.is_repeated else None
        if parent is None or inner is None:
            return _not_found(path)
        kind = inner
        value = value.setdefault(parent.json_name, {})
    field = field_named(kind, leaf)
    if field is None:
        return _not_found(path)
    if object_kind(field):
        return f"'{echo(path)}' is a message type. Parameters can only be bound to primitive types."
    if field.is_repeated:
        value.setdefault(field.json_name, []).append(_typed(field, text))
    else:
        value[field.json_name] = _typed(field, text)
    return ""


def _typed(field: FieldDescriptor, text: str) -> object:
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _BOOLS.get(text, text)
    if field.message_type and field.message_type.full_name == "google.protobuf.FieldMask":
        # JSON has camelCase in a mask (CT-323, CS-040). All other names may be as in protobuf, so these may be too.
        return re.sub("_([a-z])", lambda found: found[1].upper(), text)
    return text


def _not_found(path: str) -> str:
    return f"Field '{echo(path)}' could not be found in request message."

"""The JSON of a body, and of each parameter in it."""

from collections.abc import Callable
from typing import Any, cast

from fastapi.routing import APIRoute
from pydantic_core import to_json

from fastapi_gcp_tasks import fastapi_versions as versions
from fastapi_gcp_tasks.encode.parameters import Parameter, Values
from gcptasks.values.json_text import Declared, ToJson, json_writer
from gcptasks.values.refusal import foreign, wrong
from gcptasks.values.round_trip import read_json

ToBody = Callable[[Values], bytes | None]
"""None leaves the body out."""


def body_writer(route: APIRoute, declared: list[Parameter]) -> ToBody:
    """How this route's body is made of its body parameters."""
    if versions.embeds_body(cast("versions.Dependant", route.dependant)):
        return _embedded_writer([(one.name, to_json(one.key) + b":", json_of(one)) for one in declared])
    return _whole_writer(declared[0].name, json_of(declared[0]))


def _whole_writer(name: str, write: ToJson) -> ToBody:
    def write_whole_body(values: Values) -> bytes | None:
        if name not in values:
            return None
        try:
            return write(values[name])
        except Exception as error:  # the user's own code may raise anything
            raise wrong(name, error) from foreign(error)

    return write_whole_body


def _embedded_writer(writers: list[tuple[str, bytes, ToJson]]) -> ToBody:
    def write_embedded_body(values: Values) -> bytes | None:
        members: list[bytes] = []
        name = ""
        try:
            for name, key, write in writers:
                if name in values and (member := write(values[name])) is not None:
                    members.append(key + member)
        except Exception as error:  # the user's own code may raise anything
            raise wrong(name, error) from foreign(error)
        return b"{" + b",".join(members) + b"}" if members else None

    return write_embedded_body


def json_of(parameter: Parameter) -> ToJson:
    """How this parameter is written, decided once."""
    write = json_writer(Declared(parameter.adapter, parameter.receive, parameter.check_omission))
    if not parameter.others:
        return write

    def write_shared_json(value: Any) -> bytes | None:
        body = write(value)
        if body is not None:
            parameter.check_others(read_json(body))
        return body

    return write_shared_json

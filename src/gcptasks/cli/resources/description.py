"""One resource in full: every field that Google's JSON has, a line for each."""

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple, cast

from gcptasks.base.log_text import log_text
from gcptasks.cli.output import say, write
from gcptasks.cli.resources.times import shown_time

_LONGEST_BODY = 2_000
_BODIES = ("body", "data")
_TEXTS_OF_OTHERS = ("headers", "attributes")
"""What is in these is shown as it is, whatever it is called."""


class _Line(NamedTuple):
    depth: int
    label: str
    text: str


def json_form(message: Any) -> dict[str, Any]:
    """A message of Google's clients in Google's JSON form."""
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(message.__class__.pb(message))


def write_json(value: object) -> None:
    """Write it as JSON."""
    write(json.dumps(value, indent=2))


def say_resource(message: Any, *, as_json: bool, full: bool = False) -> None:
    """Show one resource: as JSON for scripts, else for people, with its whole body if `full`."""
    if as_json:
        write_json(json_form(message))
    else:
        say_message(message, full=full)


def say_message(message: Any, *, full: bool = False) -> None:
    """Say what a message of Google's clients has. Of a long body its beginning, or all of it if `full`."""
    for depth, label, text in _lines(json_form(message), 0, full):
        say("  " * depth, (label, "cyan"), text)


def _lines(fields: dict[str, Any], depth: int, full: bool) -> Iterator[_Line]:
    for name, value in fields.items():
        if isinstance(value, dict):
            below = cast("dict[str, Any]", value)
            yield _Line(depth, f"{name}:", "")
            yield from _texts(below, depth + 1) if name in _TEXTS_OF_OTHERS else _lines(below, depth + 1, full)
        elif name in _BODIES:
            yield from _body(name, value, depth, full)
        else:
            yield _Line(depth, f"{name}:", f" {_scalar(name, value)}")


def _texts(texts: dict[str, Any], depth: int) -> Iterator[_Line]:
    # Protobuf has them in no order.
    for name, text in sorted(texts.items()):
        yield _Line(depth, f"{log_text(name)}:", f" {log_text(text)}")


def _scalar(name: str, value: Any) -> str:
    # Google calls every field of a time so, and no other (AIP-142).
    return shown_time(datetime.fromisoformat(value)) if name.endswith("Time") else log_text(value)


def _body(name: str, base64: str, depth: int, full: bool) -> Iterator[_Line]:
    body = b64decode(base64)
    try:
        label, text = f"{name}:", body.decode()
    except UnicodeDecodeError:
        label, text = f"{name} (base64):", base64
    yield _Line(depth, label, f" {len(body):,} bytes")
    shown = text if full else text[:_LONGEST_BODY]
    yield from (_Line(depth + 1, "", log_text(line)) for line in shown.splitlines())
    if len(shown) < len(text):
        yield _Line(depth + 1, "", f"… and {len(text) - len(shown):,} more characters, which --full shows")

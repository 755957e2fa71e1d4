"""The parameter `fields`: which parts of a response are wanted, such as `queues(name,state),nextPageToken`.

Google's APIs write it so: fields are parted by commas; `a/b` or `a.b` is the field b within a; `a(b,c)` stands for
`a/b,a/c`; a star is every field. What is said of a list holds for each of its items.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor

from gcptasks.base.errors import BadRequest, InvalidArgument
from gcptasks.web.json_fields import field_named, is_list, is_object, object_kind
from gcptasks.web.violations import Violation, echo

Selection: TypeAlias = "dict[str, Selection | None]"
"""The members that are wanted, as JSON has their names; None: all of it."""

_TOKEN = re.compile(r"[(),/.]|[^\s(),/.]+|\S")
_PUNCTUATION = "(),/."
_DEEPEST = 20
"""How long a path may be that has parentheses within it; no message has that many within each other."""
_WHOLE = {"google.protobuf.Any"}
"""Whose members depend on what is in it, so that it is wanted whole or not at all."""


def selection(text: str, kind: Descriptor) -> Selection:
    """What is wanted of a message of that kind; `InvalidArgument` if it has no such field."""
    chosen: Selection = {}
    for path in _Reader(text).paths():
        if not _add(chosen, path, kind):
            raise _refusal(text, f"Cannot find matching fields for path '{echo('.'.join(path))}'.")
    return chosen


def selected(members: Mapping[str, Any], chosen: Selection) -> dict[str, Any]:
    """What is wanted of these members."""
    return {name: _part(value, chosen[name]) for name, value in members.items() if name in chosen}


def _part(value: Any, chosen: "Selection | None") -> Any:
    if chosen is None:
        return value
    if is_list(value):
        return [_part(item, chosen) for item in value]
    return selected(value, chosen) if is_object(value) else value


class _Reader:
    """Reads a text once, from its beginning."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._left: list[str] = _TOKEN.findall(text)[::-1]

    def paths(self) -> Iterator[list[str]]:
        """The paths that it stands for, without parentheses."""
        yield from self._list([])
        if self._left:
            raise self._wrong()

    def _list(self, outer: list[str]) -> Iterator[list[str]]:
        yield from self._item(outer)
        while self._skip(","):
            yield from self._item(outer)

    def _item(self, outer: list[str]) -> Iterator[list[str]]:
        path = [*outer, self._name()]
        while self._skip("/") or self._skip("."):
            path.append(self._name())
        if not self._skip("("):
            yield path
            return
        if len(path) > _DEEPEST:
            raise self._wrong()
        yield from self._list(path)
        if not self._skip(")"):
            raise self._wrong()

    def _name(self) -> str:
        if not self._left or self._left[-1] in _PUNCTUATION:
            raise self._wrong()
        return self._left.pop()

    def _skip(self, token: str) -> bool:
        """Whether that comes next, which then is behind."""
        if self._left and self._left[-1] == token:
            self._left.pop()
            return True
        return False

    def _wrong(self) -> InvalidArgument:
        at = f"at '{echo(self._left[-1])}'" if self._left else "at its end"
        return _refusal(self._text, f"It is not a list of fields such as queues(name,state): see {at}.")


def _add(chosen: Selection, path: list[str], kind: Descriptor) -> bool:
    """Want what is at that path; whether there is such a field."""
    name, *rest = path
    found = False
    for field in kind.fields if name == "*" else filter(None, [field_named(kind, name)]):
        if not rest:
            chosen[field.json_name] = None
            found = True
        elif (inner := object_kind(field)) and not inner.GetOptions().map_entry and inner.full_name not in _WHOLE:
            within = chosen.get(field.json_name, {})
            # Into nothing, if all of it is wanted already: the rest of the path has to be right all the same.
            if _add({} if within is None else within, rest, inner):
                chosen[field.json_name] = within
                found = True
    return found


def _refusal(text: str, why: str) -> InvalidArgument:
    # In the words that Google's APIs have for it; they name no field but the whole text.
    description = f"Error expanding 'fields' parameter. {why}"
    return InvalidArgument("Request contains an invalid argument.", BadRequest([Violation(echo(text), description)]))

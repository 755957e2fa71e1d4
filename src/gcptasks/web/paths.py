"""Which method a request of REST means, by the path templates of Google's HTTP rules.

A template such as `/v2/{parent=projects/*/locations/*/queues/*}/tasks:batchCreate` names a field of the request and
what it looks like; a star is one segment. What follows a colon at the end is a custom verb.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from gcptasks.service.method import HttpRule
from gcptasks.service.served import AnyMethod

_TEMPLATE = re.compile(r"(?P<start>[^{:]*)\{(?P<field>[\w.]+)=(?P<pattern>[^}]+)\}(?P<end>[^{:]*)(:(?P<verb>\w+))?")
_SLASH = re.compile("(%2F)", re.IGNORECASE)


class Found(NamedTuple):
    """The method that a request means."""

    method: AnyMethod
    rule: HttpRule
    value: str
    """What the path says of the rule's field."""

    @property
    def field(self) -> str:
        """The field that the path gives, such as `parent` or `queue.name`."""
        return _parsed(self.rule.path)["field"]


class Paths:
    """The paths of all methods."""

    def __init__(self, methods: Iterable[AnyMethod]) -> None:
        self._rules: dict[tuple[str, str], list[tuple[re.Pattern[str], AnyMethod, HttpRule]]] = {}
        for method in methods:
            for rule in method.http:
                found = _parsed(rule.path)
                path = "{}({}){}".format(*(_pattern(found[part]) for part in ("start", "pattern", "end")))
                rules = self._rules.setdefault((rule.method, found["verb"] or ""), [])
                rules.append((re.compile(path), method, rule))
        self._verbs = {verb for _, verb in self._rules if verb}

    def find(self, http_method: str, path: str) -> Found | None:
        """What a request of that path, percent-encoded as it was sent, means; None if there is nothing."""
        before, _, verb = path.rpartition(":")
        # What is no verb belongs to a name: ids of projects may have colons.
        if verb not in self._verbs:
            before, verb = path, ""
        for pattern, method, rule in self._rules.get((http_method, verb), ()):
            if match := pattern.fullmatch(before):
                return Found(method, rule, _decoded(match[1]))
        return None


def prefix(rule: HttpRule) -> str:
    """What the rule's path begins with: `/v2/`."""
    return _parsed(rule.path)["start"]


def _parsed(template: str) -> re.Match[str]:
    found = _TEMPLATE.fullmatch(template)
    assert found, f"{template} is no path with one field"
    return found


def _pattern(template: str) -> str:
    return re.escape(template).replace(r"\*", "[^/]+")


def _decoded(text: str) -> str:
    """The text without its percent signs. A slash in a segment stays as it is, as Google's rules say."""
    return "".join(part if _SLASH.fullmatch(part) else unquote(part) for part in _SLASH.split(text))

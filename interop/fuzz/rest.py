"""Random requests to every path, over REST."""

import json
import re
import string
from random import Random
from typing import Any, cast
from urllib.parse import quote, urlencode

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

from gcptasks.service import served
from gcptasks.service.method import HttpRule
from gcptasks.service.served import AnyMethod
from interop.fuzz.http import Http
from interop.fuzz.verdict import Verdict
from interop.service import Service
from service.any_message import any_message

_IN_BRACES = re.compile(r"\{([\w.]+)=[^}]+\}")
_HTTP_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"]
_VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        1e400,
        2**31,
        2**63,
        10**30,
        "",
        "a",
        "1",
        "-1",
        "NaN",
        "Infinity",
        "\0",
        "\ud800",
    ),
    *("2026-01-01T00:00:00Z", "5s", "-0.1s", "1e3s", "aGk=", "a*b", [], {}, [None], [[]], {"": 0}, {"a": {"b": []}}),
]
"""Where another one stood."""
_PARAMETERS = [
    *(
        "alt",
        "$alt",
        "fields",
        "$fields",
        "prettyPrint",
        "key",
        "callback",
        "$.xgafv",
        "pageSize",
        "page_size",
        "filter",
    ),
    *("responseView", "updateMask", "update_mask", "requests", "task", "task.name", "a.b", "", "parent", "name"),
]
_TEXTS = [
    *(
        "",
        "json",
        "media",
        "proto",
        "json;enum-encoding=int",
        "1",
        "-1",
        "99999999999999999999",
        "true",
        "FULL",
        "2",
        "x",
    ),
    *("a.b", "*", "a,b", "schedule,state", "(", "a(b", "a(b,c(d))", "\0", "ü", "%", "x" * 3000, "a/b", ",", "name"),
]


class Rest:
    """Sends random requests to a service."""

    def __init__(self, service: Service, random: Random) -> None:
        self._random = random
        self._http = Http(service)

    def close(self) -> None:
        self._http.close()

    def send(self) -> Verdict:
        """Send one, to any path."""
        random = self._random
        method = random.choice(list(served.METHODS.values()))
        rule = random.choice(method.http)
        http_method = random.choice(_HTTP_METHODS) if random.random() < 0.03 else rule.method
        path, body = self._request(method, rule)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if random.random() < 0.03:
            headers |= random.choice(
                [{"X-Server-Timeout": "soon"}, {"X-HTTP-Method-Override": "PATCH"}, {"Content-Type": "text/plain"}]
            )
        meant = headers.get("X-HTTP-Method-Override", http_method) if http_method == "POST" else http_method
        # Another method of HTTP at the same path is another one of the API, which may write.
        writes = method.writes if meant == rule.method else meant != "GET"
        return self._http.ask(http_method, path, body, headers, writes=writes)

    def _request(self, method: AnyMethod, rule: HttpRule) -> tuple[str, bytes | None]:
        message = self._with_json(method)
        *parents, leaf = _field(rule).split(".")
        holder: Any = message
        for name in parents:
            holder = getattr(holder, name)
        path = _IN_BRACES.sub(lambda _: self._escaped(getattr(holder, leaf)), rule.path)
        holder.ClearField(leaf)
        query = self._parameters()
        body: bytes | None = None
        if rule.body:
            body = self._json(message if rule.body == "*" else getattr(message, rule.body))
        elif self._random.random() < 0.7:
            fields: list[tuple[FieldDescriptor, Any]] = message.ListFields()
            query += [(field.json_name, str(value)) for field, value in fields if isinstance(value, str | int)]
        return (f"{path}?{urlencode(query, errors='replace')}" if query else path), body

    def _with_json(self, method: AnyMethod) -> Any:
        """A message that has a JSON, which those with some times, durations and details have not."""
        while True:
            message: Any = any_message(method.request, self._random)
            try:
                json_format.MessageToDict(message)
            except (ValueError, TypeError, DecodeError, json_format.SerializeToJsonError):
                continue
            return message

    def _escaped(self, name: str) -> str:
        """A name as part of a path: one that HTTP can carry."""
        safe = "/:" if self._random.random() < 0.9 else self._random.choice(["/", ":", "/%", string.punctuation])
        return re.sub(r"[^!-~]", lambda found: quote(found[0], safe=""), quote(name, safe=safe)) or "-"

    def _parameters(self) -> list[tuple[str, str]]:
        count = self._random.choice([*[0] * 20, 1, 3])
        return [(self._random.choice(_PARAMETERS), self._random.choice(_TEXTS)) for _ in range(count)]

    def _json(self, message: Any) -> bytes:
        random = self._random
        value: Any = json_format.MessageToDict(message, preserving_proto_field_name=random.random() < 0.3)
        if random.random() < 0.3:
            value = self._spoiled(value)
        text = json.dumps(value)
        if random.random() < 0.05:
            at = random.randrange(len(text) + 1)
            text = text[:at] + random.choice(["", ",", "}", "[" * 2000, '"', "\0", "{", "9" * 5000]) + text[at:]
        return text.encode()

    def _spoiled(self, value: Any) -> Any:
        """The value with something in it changed."""
        random = self._random
        if random.random() < 0.2:
            return random.choice(_VALUES)
        if isinstance(value, dict) and value:
            changed = dict(cast("dict[str, Any]", value))
            name = random.choice(list(changed))
            if random.random() < 0.15:
                changed[random.choice([name.upper(), "unknown", "", "@type", name + "_"])] = changed.pop(name)
            else:
                changed[name] = self._spoiled(changed[name])
            return changed
        if isinstance(value, list) and value:
            changed_list: list[Any] = [self._spoiled(value[0]), *value[1:]]
            return changed_list
        return random.choice(_VALUES)


def _field(rule: HttpRule) -> str:
    (field,) = _IN_BRACES.findall(rule.path)
    return str(field)

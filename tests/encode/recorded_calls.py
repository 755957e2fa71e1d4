"""Calls whose requests are recorded, made by the lowest and by the newest FastAPI.

`python tests/encode/recorded_calls.py`, run with the interpreter of each environment, adds to the record what it makes
otherwise than the others.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import Body, Cookie, File, Form, Header, Path, Query, UploadFile
from pydantic import Base64Bytes, Json

if __name__ == "__main__":
    sys.path.insert(0, str(FilePath(__file__).parents[1]))

from encode.encode_worker import Encoded, Worker, worker_of
from encode.test_encode_bodies import (
    BODIES,
    Aliased,
    Cat,
    Checked,
    Inner,
    Making,
    Milliseconds,
    Mood,
    Numbers,
    Open,
    Page,
    Point,
    Renamed,
    Tree,
    Unsound,
)
from encode.test_encode_forms import Sent, as_sent
from encode.test_encode_parameter_models import Scalars, WithLists
from encode.test_encode_scalars import Colour, Mixed, Size

RECORD = FilePath(__file__).with_name("recorded_requests.json")
BERLIN_WINTER = timezone(timedelta(hours=1))
MOMENT = datetime(2024, 2, 29, 23, 59, 58, 123456, tzinfo=BERLIN_WINTER)
MODEL = {"the_name": "ä b", "page_size": 2, "price": Decimal("1.50"), "when": MOMENT, "exact": "5"}


class Call(NamedTuple):
    """One call, and the worker that it is for."""

    worker: Callable[[], Worker]
    value: Any


def _of(annotation: Any, value: Any, path: str = "/task") -> Call:
    return Call(lambda: worker_of(annotation, path), value)


SCALARS: dict[str, tuple[Any, Any]] = {
    "str": (str, "a b/&=+%;"),
    "int": (int, -(10**20)),
    "float": (float, 1e300),
    "bool": (bool, True),
    "uuid": (UUID, UUID(int=5)),
    "date": (date, date(2024, 2, 29)),
    "datetime": (datetime, MOMENT),
    "naive datetime": (datetime, datetime(2024, 2, 29, 1, 2, 3)),  # noqa: DTZ001
    "time": (time, time(1, 2, 3, 4, UTC)),
    "timedelta": (timedelta, timedelta(days=-1, seconds=5, microseconds=7)),
    "decimal": (Decimal, Decimal("-1.500")),
    "bytes": (bytes, b"abc"),
    "StrEnum": (Colour, Colour.RED),
    "IntEnum": (Size, Size.BIG),
    "str and Enum": (Mixed, Mixed.ONE),
    "json": (Json[int], 5),
    "union": (int | UUID, UUID(int=5)),
}
BODY_VALUES: dict[str, Any] = {
    "recursive model": Tree(value=1.5, branches=[Tree(value=-0.0)], left=Tree(value=2)),
    "generic model": Page[Inner](items=[Inner(number=1)]),
    "aliased model": Aliased(theName="ü"),
    "dict of models": {"ä": Inner(number=1, text="y")},
    "tuple": (1, Inner(number=2), MOMENT),
    "datetime": MOMENT,
    "enum": Mood.SEVEN,
    "union": [1, 2],
    "discriminated union": Cat(lives=9),
    "dataclass": Point(1, 0.5, ["a"]),
    "pydantic's dataclass": Checked(1, MOMENT),
    "typed dict": {"name": "a", "size": 1},
    "own serializer": Milliseconds(span=timedelta(milliseconds=5)),
    "model with extra fields": Open(number=1, more="x"),  # type: ignore[call-arg]
    "model with a default that breaks its type": Unsound(more="x"),
    "model that reads by one name and writes by another": Renamed.model_validate({"theNumber": 1}),
    "model with a default factory that breaks no type": Making(number=1),
    "root model": Numbers([1, 2]),
    "anything": {"a": [None, 1, "ü"]},
}


def _uploads() -> Worker:
    def endpoint(value: list[UploadFile], note: Annotated[str, Form(alias="the nöte")] = "none") -> None:
        made.received.append({"value": list(map(as_sent, value))})

    made = Worker(endpoint)
    return made


CALLS: dict[str, Call] = {
    **{f"path {kind}": _of(Annotated[one, Path()], value, "/task/{value}/end") for kind, (one, value) in SCALARS.items()
       if "/" not in str(value)},
    **{f"query {kind}": _of(Annotated[one, Query()], value) for kind, (one, value) in SCALARS.items()},
    **{f"header {kind}": _of(Annotated[one, Header()], value) for kind, (one, value) in SCALARS.items()},
    **{f"cookie {kind}": _of(Annotated[one, Cookie()], value) for kind, (one, value) in SCALARS.items()},
    **{f"form {kind}": _of(Annotated[one, Form()], value) for kind, (one, value) in SCALARS.items()},
    **{f"body {kind}": _of(BODIES[kind][0], value) for kind, value in BODY_VALUES.items()},
    "query list": _of(Annotated[list[str], Query(alias="v[]")], ["", "ä"]),
    "form list": _of(Annotated[list[str], Form(alias="v[]")], ["", "ä"]),
    "query set": _of(Annotated[set[int], Query()], {1}),
    "embedded body": _of(Annotated[Inner, Body(embed=True)], Inner(number=1)),
    "body that is decoded": _of(Annotated[Base64Bytes, Body()], b"\xff" * 60),
    "query that is decoded": _of(Annotated[Base64Bytes, Query()], b"\xff" * 60),
    "path of segments": _of(str, "a b/%2F/é", "/files/{value:path}/end"),
    "path of a uuid": _of(UUID, UUID(int=5), "/files/{value:uuid}"),
    "path of a float": _of(float, 0.1, "/files/{value:float}"),
    "query model": _of(Annotated[WithLists, Query()], WithLists.model_validate({**MODEL, "tags": ["a", ""]})),
    "form model": _of(Annotated[WithLists, Form()], WithLists.model_validate({**MODEL, "tags": ["a"]})),
    "header model": _of(Annotated[Scalars, Header()], Scalars.model_validate({**MODEL, "the_name": "a b"})),
    "cookie model": _of(Annotated[Scalars, Cookie()], Scalars.model_validate({**MODEL, "the_name": "a b"})),
    "file of bytes": _of(Annotated[bytes, File()], b"\r\n--\x00\xff"),
    "files of bytes": _of(Annotated[list[bytes], File()], [b"2", b"", b"1"]),
    "uploads": Call(_uploads, [Sent("é 1;.txt", b"\r\n", {"content-type": "text/x; a=b", "x-one": "1"})]),
}  # fmt: skip


def request_of(call: Call) -> Encoded:
    """What this version makes of it."""
    uploads = issubclass(type(call.value), list) and [one.upload() for one in call.value if isinstance(one, Sent)]
    return call.worker().encode(value=uploads or call.value)


def recorded() -> dict[str, list[Encoded]]:
    """The requests of each call: one, or several where versions write it otherwise."""
    found: dict[str, list[Any]] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    return {
        name: [
            Encoded(path, tuple((key, text) for key, text in headers), None if body is None else body.encode("latin-1"))
            for path, headers, body in requests
        ]
        for name, requests in found.items()
    }


def record() -> None:
    """Add what this version makes."""
    before = recorded()
    kept: dict[str, list[Any]] = {}
    for name, call in CALLS.items():
        requests = before.get(name, [])
        made = request_of(call)
        kept[name] = [
            (path, headers, None if body is None else body.decode("latin-1"))
            for path, headers, body in (requests if made in requests else [*requests, made])
        ]
    RECORD.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    record()

"""What counts as the value that was sent: a table, since the other tests trust it."""

from datetime import UTC, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, PrivateAttr

from gcptasks.values.equality import alike


class Colour(StrEnum):
    RED = "red"


class Item(BaseModel):
    number: float = 0
    _note: str = PrivateAttr(default="")


class Special(Item):
    pass


class Open(BaseModel, extra="allow"):
    pass


BERLIN = ZoneInfo("Europe/Berlin")
NOTED = Item()
NOTED._note = "kept"


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        (1, 1),
        ([1, {"a": (2.0, None)}], [1, {"a": (2.0, None)}]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1, 2}, {2, 1}),
        (Item(number=1), Item(number=1)),
        (Open.model_validate({"more": 1}), Open.model_validate({"more": 1})),
        (datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2024, 1, 1, 13, tzinfo=timezone(timedelta(hours=1)))),
        (datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN), datetime(2024, 10, 27, 1, 30, tzinfo=UTC)),
        (datetime(2024, 1, 1), datetime(2024, 1, 1)),  # noqa: DTZ001
        (time(1, tzinfo=UTC), time(1, tzinfo=timezone(timedelta(0)))),
    ],
    ids=str,
)
def test_values_alike(sent: Any, got: Any) -> None:
    assert alike(sent, got)


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        (1, True),
        (1, 1.0),
        (Colour.RED, "red"),
        ([1], [1.0]),
        ([1], (1,)),
        ([1, 2], [1]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({1: "a"}, {True: "a"}),
        ({1}, {1.0}),
        (float("nan"), float("nan")),
        (Item(), Special()),
        (Special(), Item()),
        (NOTED, Item()),
        (Open.model_validate({"more": 1}), Open.model_validate({"more": 1.0})),
        (Item.model_construct(number=1), Item(number=1)),
        (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1)),  # noqa: DTZ001
        (datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN), datetime(2024, 10, 27, 1, 30, tzinfo=UTC)),
        (time(1, tzinfo=UTC), time(1)),
        (datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01T00:00:00Z"),
    ],
    ids=str,
)
def test_values_not_alike(sent: Any, got: Any) -> None:
    assert not alike(sent, got)

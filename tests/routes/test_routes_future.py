"""Values that must lie in the future still do so when the task is due, or the call is refused."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any

import pytest
from fastapi import Body, Query
from pydantic import AfterValidator, BaseModel, Field, FutureDate, FutureDatetime
from typing_extensions import TypedDict

from fastapi_gcp_tasks.exception import WrongTypeError
from routes.routes_fakes import FakeClient, delayed_router

HOUR = 3600
client = FakeClient()


class Event(BaseModel):
    at: FutureDatetime
    noted: datetime | None = None
    inner: "Event | None" = None


@dataclasses.dataclass(slots=True)
class Plain:
    at: FutureDatetime


class Typed(TypedDict):
    at: FutureDatetime


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=HOUR / 2)


def late() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=HOUR * 2)


def task_of(annotation: Any) -> Any:
    def endpoint(value: Any) -> None: ...

    endpoint.__annotations__["value"] = annotation
    delayed_router(client).post("/later")(endpoint)
    return endpoint


KINDS: dict[str, tuple[Any, Callable[[datetime], Any], str]] = {
    "query": (Annotated[FutureDatetime, Query()], lambda at: at, "value: "),
    "queries": (Annotated[list[FutureDatetime], Query()], lambda at: [late(), at], "value: 1: "),
    "body": (Annotated[FutureDatetime, Body()], lambda at: at, "value: "),
    "model": (Event, lambda at: Event(at=at), "value: at: "),
    "recursive model": (Event, lambda at: Event(at=late(), inner=Event(at=at)), "value: inner.at: "),
    "list": (list[Event], lambda at: [Event(at=late()), Event(at=at)], "value: 1.at: "),
    "dict": (dict[str, Event], lambda at: {"a": Event(at=at)}, "value: a.at: "),
    "keys": (dict[FutureDatetime, int], lambda at: {at: 1}, "value: "),
    "tuple": (Annotated[tuple[int, FutureDatetime], Body()], lambda at: (1, at), "value: 1: "),
    "set": (set[FutureDatetime], lambda at: {at}, "value: 0: "),
    "union": (Annotated[Event | int, Body()], lambda at: Event(at=at), "value: at: "),
    "dataclass": (Plain, lambda at: Plain(at=at), "value: at: "),
    "typed dict": (Typed, lambda at: {"at": at}, "value: at: "),
    "own validator": (
        Annotated[FutureDatetime, AfterValidator(lambda at: at), Body()],
        lambda at: at,
        "value: ",
    ),
    "constrained": (
        Annotated[FutureDatetime, Field(gt=datetime(2020, 1, 1, tzinfo=UTC)), Body()],
        lambda at: at,
        "value: ",
    ),
    "naive": (Annotated[FutureDatetime, Body()], lambda at: at.astimezone().replace(tzinfo=None), "value: "),
    "elsewhere": (Annotated[FutureDatetime, Body()], lambda at: at.astimezone(timezone(timedelta(hours=9))), "value: "),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_will_have_passed_when_the_task_is_due_is_refused(kind: str) -> None:
    annotation, make, place = KINDS[kind]
    task = task_of(annotation)
    task.delay(value=make(soon()))
    later = task.options(countdown=HOUR)
    later.delay(value=make(late()))
    task.options(schedule_time=datetime.now(UTC) + timedelta(minutes=1)).delay(value=make(soon()))
    client.requests.clear()
    for options in ({"countdown": HOUR}, {"schedule_time": datetime.now(UTC) + timedelta(seconds=HOUR)}):
        with pytest.raises(WrongTypeError, match=f"^{place}.*in the future now, but not when the task is due, at 20"):
            task.options(**options).delay(value=make(soon()))
    assert client.requests == []


def test_a_date_must_lie_after_the_day_on_which_the_task_is_due() -> None:
    task = task_of(Annotated[FutureDate, Query()])
    today = datetime.now().astimezone().date()
    task.options(countdown=86400).delay(value=today + timedelta(days=3))
    with pytest.raises(WrongTypeError, match="but not when the task is due"):
        task.options(countdown=2 * 86400).delay(value=today + timedelta(days=2))


def test_a_time_that_need_not_lie_in_the_future_may_pass() -> None:
    task_of(Event).options(countdown=HOUR).delay(value=Event(at=late(), noted=soon()))
    task_of(Annotated[date, Query()]).options(countdown=HOUR).delay(value=date(2020, 1, 1))

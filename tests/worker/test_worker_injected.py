"""`injected` stands where the framework will put a value, and is none itself."""

import asyncio
import copy
import functools
import operator
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from fastapi_gcp_tasks import injected
from gcptasks.worker.injected import Injected, name_injected

USES: dict[str, Callable[[Any], Any]] = {
    "attribute": lambda value: value.commit,
    "call": lambda value: value(),
    "truth": bool,
    "iteration": iter,
    "length": len,
    "item": lambda value: value["a"],
    "membership": lambda value: "a" in value,
    "addition": lambda value: value + 1,
    "comparison": lambda value: value < 1,
    "index": operator.index,
    "await": lambda value: asyncio.run(_awaited(value)),
    "context": lambda value: _entered(value),
}


async def _awaited(value: Any) -> None:
    await value


def _entered(value: Any) -> None:
    with value:
        pass


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_used_as_a_value_it_says_what_to_do(use: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"^db is injected by FastAPI; pass it in a direct call$"):
        use(Injected("db"))
    with pytest.raises(TypeError, match=r"^this parameter is injected by FastAPI"):
        use(injected)


def test_it_may_be_shown_compared_and_copied() -> None:
    assert repr(injected) == "injected"
    assert injected == injected and injected != 1  # noqa: PT018 - of itself
    assert copy.copy(injected) is injected
    assert copy.deepcopy({"default": injected})["default"] is injected
    assert {injected: 1}[injected] == 1


def test_each_default_learns_the_name_of_its_parameter() -> None:
    def task(number: int, db: Any = injected, *, request: Any = injected, other: int = 1) -> Any:
        return db, request, other

    name_injected(task)
    db, request, other = task(1)
    assert other == 1
    with pytest.raises(TypeError, match=r"^db is"):
        operator.call(db)
    with pytest.raises(TypeError, match=r"^request is"):
        operator.call(request)


def test_a_decorated_function_learns_it_too() -> None:
    def task(db: Any = injected) -> Any:
        return db.session

    @functools.wraps(task)
    def timed(*args: Any, **kwargs: Any) -> Any:
        return task(*args, **kwargs)

    name_injected(timed)
    with pytest.raises(TypeError, match=r"^db is injected"):
        timed()


def test_what_is_no_function_is_left_alone() -> None:
    name_injected(functools.partial(print))
    name_injected(print)


def test_it_survives_pickle_as_itself() -> None:
    assert repr(pickle.loads(pickle.dumps(injected))) == "injected"

"""A flow is written once and driven both ways."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gcptasks.base.flows import drive, drive_async
from gcptasks.base.per_loop import PerLoop
from gcptasks.client.call_flows import Call, Flow, call

Run = Callable[[Flow[Any], Callable[[Call], Any]], Any]


def _driven_async(flow: Flow[Any], send: Callable[[Call], Any]) -> Any:
    async def awaited(step: Call) -> Any:
        return send(step)

    return asyncio.run(drive_async(flow, awaited))


both_ways = pytest.mark.parametrize("run", [drive, _driven_async], ids=["sync", "async"])


def _two_calls() -> Flow[str]:
    first = yield from call("first", 1, 5.0)
    second = yield from call("second", first, None)
    return f"{first}, {second}"


@both_ways
def test_answers_go_into_the_flow_and_its_result_comes_out(run: Run) -> None:
    seen: list[Call] = []

    def send(step: Call) -> str:
        seen.append(step)
        return f"answer to {step.method}"

    assert run(_two_calls(), send) == "answer to first, answer to second"
    assert seen == [("first", 1, 5.0), ("second", "answer to first", None)]


@both_ways
def test_a_flow_without_calls_returns_at_once(run: Run) -> None:
    def flow() -> Flow[int]:
        return 7
        yield

    assert run(flow(), lambda _: pytest.fail("nothing is to be sent")) == 7


@both_ways
def test_what_a_call_raises_is_raised_inside_the_flow(run: Run) -> None:
    def flow() -> Flow[str]:
        try:
            yield from call("get", None, None)
        except KeyError:
            yield from call("create", None, None)
            return "created"
        return "it was there"

    def send(step: Call) -> str:
        if step.method == "get":
            raise KeyError(step.method)
        return "an answer"

    assert run(flow(), send) == "created"


@both_ways
@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_what_the_flow_does_not_catch_leaves_it_after_its_clean_up(run: Run, error: BaseException) -> None:
    left: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield from call("get", None, None)
        finally:
            left.append("cleaned up")

    def send(_: Call) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        run(flow(), send)
    assert raised.value is error
    assert left == ["cleaned up"]


async def test_a_cancelled_flow_cleans_up() -> None:
    left: list[str] = []
    sending = asyncio.Event()

    def flow() -> Flow[None]:
        try:
            yield from call("get", None, None)
        finally:
            left.append("cleaned up")

    async def send(_: Call) -> None:
        sending.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(drive_async(flow(), send))
    await sending.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left == ["cleaned up"]


def test_a_call_is_made_by_keyword_on_the_client_method_of_its_name() -> None:
    class Client:
        def get_queue(self, *, request: str, timeout: float) -> tuple[str, float]:
            return request, timeout

    assert Call("get_queue", "name", 3.0).on(Client()) == ("name", 3.0)


def test_each_loop_has_its_value_and_closed_loops_are_let_go() -> None:
    made: list[asyncio.AbstractEventLoop] = []

    def make() -> int:
        made.append(asyncio.get_running_loop())
        return len(made)

    async def twice() -> tuple[int, int]:
        return values.get(), values.get()

    values = PerLoop(make)
    assert asyncio.run(twice()) == (1, 1)
    assert asyncio.run(twice()) == (2, 2)
    assert made[0].is_closed()
    assert list(values._values.values()) == [2]

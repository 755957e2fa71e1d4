"""The time of making and pushing a task of a function, for those of `delay.py` that have a body alone."""

import json
import sys
from functools import partial
from typing import Any

from bench.contestants.delay import ORDER, Order, Payload, Trimmed, microseconds
from bench.contestants.stubs import FakeClient, OurStubClient, StubClient
from cloudtask import CloudTaskClient


def main(depth: str) -> None:
    makers: dict[str, type[FakeClient] | type[StubClient]]
    makers = {"fake": FakeClient, "stub": StubClient, "own": OurStubClient}
    google = makers[depth]()
    client = CloudTaskClient(project="p", location="l", queue="q", url="http://worker.local/run", client=google)

    @client.task(name="small")
    async def small(payload: Payload) -> None: ...

    @client.task(name="nested")
    async def nested(order: Order) -> None: ...

    @client.task(name="checked")
    async def checked(payload: Trimmed) -> None: ...

    def push(function: Any, value: Any) -> None:
        function(value).sync_push()

    figures: dict[str, float] = {}
    for function, value in ((small, Payload(message="Hello")), (nested, ORDER), (checked, Trimmed(message="Hello"))):
        push(function, value)
        (carried,) = json.loads(google.request.task.http_request.body)["kwargs"].values()
        assert carried == value.model_dump(mode="json")
        figures[function.name] = microseconds(partial(push, function, value))
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1])

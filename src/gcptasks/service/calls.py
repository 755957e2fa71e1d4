"""Calls of the API on a store: a request's message in, the answer's message out."""

from typing import Any

from gcptasks.base.clock import Clock
from gcptasks.service import methods
from gcptasks.service.methods import Method
from gcptasks.service.policy import Policy
from gcptasks.store.store import Store


class Calls:
    """What every front calls. Refusals are raised as errors of `gcptasks.base.errors`."""

    def __init__(self, store: Store, clock: Clock, policy: Policy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy

    async def call(self, method: Method, message: Any) -> Any:
        """The answer's message, once it is durable."""
        request = method.decode(message)
        if method.writes:
            answer = await self._store.write(method.verb, request, self._clock.now(), self._policy)
        else:
            answer = self._store.read(method.verb, request, self._clock.now(), self._policy)
        return method.encode(answer, message)

    def call_sync(self, method: Method, message: Any) -> Any:
        """As `call`, blocking the thread; needs no event loop, and may stand on one."""
        request = method.decode(message)
        run = self._store.write_sync if method.writes else self._store.read
        return method.encode(run(method.verb, request, self._clock.now(), self._policy), message)

    async def answer(self, method: str, message: bytes) -> bytes:
        """The same on bytes, by the method's path, as gRPC has them."""
        served = methods.method(method)
        answer = await self.call(served, served.message.FromString(message))
        return bytes(answer.SerializeToString())

"""The store of results over the port: what `ServiceResults` calls."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from gcptasks.base.errors import InvalidArgument
from gcptasks.results import messages
from gcptasks.results.store import KEEP, ResultStore, StoreSettings
from gcptasks.rpc.http2 import Handler

_LONGEST_WAIT = 60.0
"""Seconds."""


class ResultCalls:
    """Answers the calls of stores, and leaves all others to `others`. `results` makes a store with these settings."""

    def __init__(self, results: Callable[[StoreSettings], ResultStore], others: Handler) -> None:
        @lru_cache(maxsize=16)
        def keeping(keep: timedelta) -> ResultStore:
            return results(StoreSettings(expires_after=keep))

        self._keeping = keeping
        self._others = others

    def handle(self, method: str, message: bytes) -> Coroutine[Any, Any, bytes]:
        """The response to a call of gRPC. Refusals are raised as errors of `gcptasks.base.errors`."""
        call = messages.CALLS.get(method)
        return self._others(method, message) if call is None else self._handle(call, message)

    async def _handle(self, call: messages.Call[Any], message: bytes) -> bytes:
        arguments = _arguments(call, message)
        try:
            return call.write_answer(await self._answer(call, arguments))
        except (ValueError, OverflowError) as error:  # of a value that no store takes, or no column of a database
            raise InvalidArgument(str(error)) from error

    async def _answer(self, call: messages.Call[Any], arguments: tuple[Any, ...]) -> Any:
        store = self._keeping(KEEP).awaiting()
        match call, arguments:
            case ((messages.ADD | messages.ADD_MANY), (added, keep)):
                return await getattr(self._keeping(keep).awaiting(), call.name)(added)
            case messages.CHANGE, (id, run, (_, event)):
                return await store.change(id, run, event)
            case messages.WAIT, (id, version, timeout):
                # The limit first: `min` takes its first argument if the other is NaN.
                await store.wait(id, version, min(_LONGEST_WAIT, timeout))
                record = await store.get(id)
                return record is None or record.version != version
            case _:
                return await getattr(store, call.name)(*arguments)


def _arguments(call: messages.Call[Any], message: bytes) -> tuple[Any, ...]:
    try:
        return call.read_arguments(message)
    except ValidationError as error:
        # The caller's fault, so no failure of ours to be logged.
        raise InvalidArgument(f"The request is no message of {call.path}: {error}") from error

"""A verb that waits for the writer, and how its caller learns the outcome."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from gcptasks.base.running_loop import running_loop
from gcptasks.store.tx import Tx

R = TypeVar("R")


class Pending(Generic[R]):
    """A verb with its arguments. With a `loop`, `wait` returns the outcome there."""

    __slots__ = ("_answer", "_args", "_error", "_future", "_kwargs", "_verb", "done", "durable", "loop")

    def __init__(
        self,
        verb: Callable[..., R],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        durable: bool,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._verb = verb
        self._args = args
        self._kwargs = kwargs
        self._answer: R
        self._error: BaseException | None = None
        self._future: asyncio.Future[R] | None = None if loop is None else loop.create_future()
        self.durable = durable
        self.done = False
        self.loop = loop

    async def wait(self) -> R:
        assert self._future is not None
        return await self._future

    def result(self) -> R:
        if self._error is not None:
            raise self._error
        return self._answer

    def run(self, tx: Tx) -> None:
        """Run the verb. What it refuses is its outcome, and undone; an error of sqlite3 fails the transaction."""
        tx.savepoint()
        try:
            self._answer = self._verb(tx, *self._args, **self._kwargs)
            tx.keep()
        except sqlite3.Error:
            raise
        except Exception as error:
            tx.undo()
            self._error = error

    def fail(self, error: BaseException) -> None:
        """The transaction failed, and with it every verb that had not been refused."""
        self._error = self._error or error

    def finish(self) -> None:
        """Hand over the outcome."""
        self.done = True
        if self.loop is None:
            return
        if self.loop is running_loop():
            self._resolve()
            return
        # A loop that was closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        assert self._future is not None
        if self._future.cancelled():
            return
        if self._error is not None:
            self._future.set_exception(self._error)
        else:
            self._future.set_result(self._answer)

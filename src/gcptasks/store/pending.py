"""A verb that waits for the writer, and how its caller learns the outcome."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from gcptasks.base.errors import Busy, StoreError, TaskError
from gcptasks.base.running_loop import running_loop
from gcptasks.store.tx import Tx

R = TypeVar("R")

_INTERRUPTIONS = 5
"""After so many the verb is not run again."""


class Pending(Generic[R]):
    """A verb with its arguments. The outcome is handed to the `future`, on its loop, or asked for by `result`."""

    __slots__ = (
        *("_answer", "_args", "_error", "_future", "_interruptions", "_kwargs", "_verb"),
        *("begun", "done", "durable", "loop", "settled"),
    )

    def __init__(
        self,
        verb: Callable[..., R],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        durable: bool,
        future: asyncio.Future[R] | None = None,
    ) -> None:
        self._verb = verb
        self._args = args
        self._kwargs = kwargs
        self._answer: R
        self._error: BaseException | None = None
        self._future = future
        self.loop = None if future is None else future.get_loop()
        self._interruptions = 0
        self.durable = durable
        self.begun = False
        self.done = False
        self.settled = False
        """It may not be run any more: it is done, or its caller has left."""

    def result(self) -> R:
        if self._error is not None:
            error, self._error = self._error, None
            try:
                raise error
            finally:
                # An error that reaches itself by its traceback keeps the whole request until Python looks for cycles.
                del error
        return self._answer

    def run(self, tx: Tx) -> Exception | None:
        """Run the verb. What it refuses is its outcome, and undone; an error of sqlite3 fails the transaction.

        Returns what interrupted it, though it ran well thereafter: that is for the call that runs now, whosever verb
        this is.
        """
        self.begun = True
        # Asked after that, and by `Writer._withdrawn` the other way round: one of the two sees the other.
        if self.settled:
            self._error = Busy()
            return None
        tx.savepoint()
        try:
            self._answer = self._verb(tx, *self._args, **self._kwargs)
        except sqlite3.Error:
            raise
        except TaskError as error:
            tx.undo()
            # Without the frames up to here, of which one is that of this verb; as in `result`.
            self._error = error.with_traceback(None)
        except Exception as error:
            tx.undo()
            return self._run_again(tx, error)
        else:
            tx.keep()
        return None

    def _run_again(self, tx: Tx, error: Exception) -> Exception | None:
        """Find out whether it is a fault of the verb, which comes again, or came from outside, as from a signal."""
        tx.savepoint()
        try:
            self._answer = self._verb(tx, *self._args, **self._kwargs)
        except sqlite3.Error:
            raise
        except Exception as again:
            tx.undo()
            self._error = again
            return None
        tx.keep()
        return error

    def undone(self, *, interrupted: bool) -> None:
        """Its transaction was undone, so that it can be run again; it may have been `interrupted` itself."""
        if self.done:
            return
        self.begun = False
        self._error = None
        if interrupted:
            self._interruptions += 1
        if self._interruptions >= _INTERRUPTIONS:
            self._error = StoreError("the call was interrupted again and again")
            hand_over([self])

    def fail(self, error: BaseException) -> None:
        """The transaction failed, and with it every verb that had not been refused."""
        self._error = self._error or error

    def resolve(self) -> None:
        """Hand the outcome to the future, on its loop; twice is harmless."""
        if self._future is None or self._future.done():  # cancelled, or told before
            return
        if self._error is not None:
            self._future.set_exception(self._error)
        else:
            self._future.set_result(self._answer)


def hand_over(verbs: Iterable[Pending[Any]]) -> None:
    """Hand the outcomes of these to their callers; twice is harmless."""
    here = running_loop()
    elsewhere: list[Pending[Any]] = []
    for one in verbs:
        one.done = one.settled = True
        if one.loop is here:
            one.resolve()
        elif one.loop is not None:
            elsewhere.append(one)
    for loop in {one.loop for one in elsewhere if one.loop is not None}:
        theirs = [one for one in elsewhere if one.loop is loop]
        # A loop that was closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            # Two calls, for one of them may be interrupted before it has begun.
            loop.call_soon_threadsafe(_resolve, theirs)
            loop.call_soon_threadsafe(_resolve, theirs)


def _resolve(verbs: list[Pending[Any]]) -> None:
    for one in verbs:
        one.resolve()

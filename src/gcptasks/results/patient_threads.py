"""Threads for calls that may hang, so that whoever makes them need not: none of them keeps a process from ending."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from gcptasks.base.forks import begin_anew_in_children

T = TypeVar("T")

_MOST = 32
_IDLE = 10.0
"""Seconds after which a thread without work ends."""


class PatientThreads:
    """Makes calls in daemon threads, in the order in which they come."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Have no threads yet."""
        self._lock = threading.Lock()
        self._waiting = SimpleQueue[tuple[Future[Any], Callable[[], Any]]]()
        self._threads = 0
        self._calls = 0

    def call(self, work: Callable[[], T]) -> "Future[T]":
        """What `work` returns or raises. A call that is cancelled before its turn comes is not made.

        `RuntimeError` if there is no thread to be had.
        """
        outcome: Future[T] = Future()
        with self._lock:
            # Those that others make may hang: as long as may be, each call has a thread.
            if self._threads <= self._calls and self._threads < _MOST:
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
                self._threads += 1
            self._calls += 1
            self._waiting.put((outcome, work))
        return outcome

    def _run(self) -> None:
        while True:
            try:
                outcome, work = self._waiting.get(timeout=_IDLE)
            except Empty:
                if self._may_end():
                    return
                continue
            if outcome.set_running_or_notify_cancel():
                _settle(outcome, work)
            del outcome, work  # an idle thread keeps nothing alive
            with self._lock:
                self._calls -= 1

    def _may_end(self) -> bool:
        with self._lock:
            if self._threads <= self._calls:  # one came just now
                return False
            self._threads -= 1
            return True


def _settle(outcome: "Future[Any]", work: Callable[[], Any]) -> None:
    try:
        answer = work()
    except BaseException as error:
        outcome.set_exception(error)
    else:
        outcome.set_result(answer)

"""The store that a builder or a client is given as `results=`."""

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeGuard

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.results.guarded import GuardedStore, guarded
from gcptasks.results.store import ResultStore

_CALLS = ("settings", "blocking", "awaiting")


class GivenStore:
    """A store, or what a factory makes when it is first needed."""

    def __init__(self, given: "ResultStore | Callable[[], ResultStore]", *, blocks: bool = False) -> None:
        """`TypeError` for what is neither, and, where it is used by code that blocks, for a store that only awaits."""
        self._guarded: GuardedStore | None = None
        if _is_store(given):
            if blocks:
                given.blocking()
        elif not callable(given):
            raise TypeError(f"results must be a store of results, or a function that makes one, not {given!r}")
        self._given: Any = given
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Wait for none of the parent's threads."""
        self._lock = Lock()

    def get(self) -> ResultStore:
        """The store."""
        return self.guarded().store

    def guarded(self) -> GuardedStore:
        """The store for those who can do without it."""
        if self._guarded is not None:
            return self._guarded
        with self._lock:
            if self._guarded is None:
                self._guarded = guarded(self._made())
            return self._guarded

    def _made(self) -> ResultStore:
        given = self._given
        if _is_store(given):
            return given
        made: object = given()
        if not _is_store(made):
            raise TypeError(f"the function that results= was given returned {made!r}, which is no store")
        return made


def _is_store(given: object) -> "TypeGuard[ResultStore]":
    # The class of a store is what makes one.
    return not isinstance(given, type) and all(hasattr(given, name) for name in _CALLS)

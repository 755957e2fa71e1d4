"""The store that a builder or a client is given as `results=`."""

from collections.abc import Callable
from threading import Lock
from typing import Any, NoReturn, TypeGuard

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.stand_ins import StandIn, replaceable
from gcptasks.results.guarded import GuardedStore, guarded
from gcptasks.results.store import ResultStore, StoreSettings

_CALLS = ("settings", "blocking", "awaiting")


class UnmadeStore:
    """What stands for the store while the factory fails: each call raises what the factory did."""

    settings = StoreSettings()
    remote = False

    def __init__(self, error: Exception) -> None:
        self.error = error

    def blocking(self) -> NoReturn:
        raise self.error

    def awaiting(self) -> NoReturn:
        raise self.error


class GivenStore:
    """A store, or what a factory makes when it is first needed."""

    def __init__(self, given: "ResultStore | Callable[[], ResultStore]", *, blocks: bool = False) -> None:
        """`TypeError` for what is neither, and, where it is used by code that blocks, for a store that only awaits."""
        self._guarded: GuardedStore | None = None
        self._unmade: tuple[UnmadeStore, GuardedStore] | None = None
        if _is_store(given):
            if blocks:
                given.blocking()
        elif not callable(given):
            raise TypeError(f"results must be a store of results, or a function that makes one, not {given!r}")
        self._given: Any = given
        self._own: GuardedStore | None = None
        """The store that stays aside while a test's stands in."""
        self.begin_anew()
        begin_anew_in_children(self)
        replaceable(self)

    def stand_in(self, service: StandIn | None) -> None:
        """Be the store of that service, with the settings of this one so far as they are known; or this one again."""
        if service is None:
            self._guarded, self._own = self._own, None
        else:
            known = self.known()
            settings = StoreSettings() if known is None else known.settings
            self._own, self._guarded = self._guarded, guarded(service.results(settings))

    def begin_anew(self) -> None:
        """Wait for none of the parent's threads."""
        self._lock = Lock()

    def get(self) -> ResultStore:
        """The store; raises what the factory does."""
        store = self.guarded().store
        if isinstance(store, UnmadeStore):
            raise store.error
        return store

    def known(self) -> ResultStore | None:
        """The store, unless it is still to be made."""
        return self._given if _is_store(self._given) else None

    def guarded(self) -> GuardedStore:
        """The store for those who can do without it. While the factory fails its calls fail likewise."""
        if self._guarded is not None:
            return self._guarded
        with self._lock:
            if self._guarded is None:
                try:
                    made = self._given if _is_store(self._given) else self._given()
                except Exception as error:
                    return self._failed(error)
                self._guarded = guarded(_checked(made))
                if self._unmade is not None:
                    self._unmade[1].outage.is_over()
            return self._guarded

    def _failed(self, error: Exception) -> GuardedStore:
        if self._unmade is None:
            unmade = UnmadeStore(error)
            self._unmade = unmade, GuardedStore(unmade)
        self._unmade[0].error = error
        return self._unmade[1]


def _checked(made: object) -> ResultStore:
    if not _is_store(made):
        raise TypeError(f"the function that results= was given returned {made!r}, which is no store")
    return made


def _is_store(given: object) -> "TypeGuard[ResultStore]":
    # The class of a store is what makes one.
    return not isinstance(given, type) and all(hasattr(given, name) for name in _CALLS)

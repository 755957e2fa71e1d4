"""What belongs to a store of results, whoever uses it."""

import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.results.store import ResultStore

T = TypeVar("T")


class PerStore(Generic[T]):
    """One value for each store, the same for all who ask while somebody has it. The value must keep its store."""

    def __init__(self, make: Callable[[ResultStore], T]) -> None:
        self._make = make
        self._values = weakref.WeakValueDictionary[int, T]()
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Wait for none of the parent's threads."""
        self._lock = threading.Lock()

    def of(self, store: ResultStore) -> T:
        """The store's value."""
        with self._lock:
            value = self._values.get(id(store))
            if value is None:
                # No other store gets this id, as the value keeps the store.
                value = self._values[id(store)] = self._make(store)
            return value

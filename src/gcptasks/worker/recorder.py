"""What the recordings of one store share in a process: the store, and the watch over what runs."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from gcptasks.base.per_loop import PerLoop
from gcptasks.results.guarded import guarded
from gcptasks.results.per_store import PerStore
from gcptasks.results.store import DeliveringStore, ResultStore
from gcptasks.worker.watch import Watch


class Recorder:
    """Records what runs in this process for one store. Made by `recorder`, so that all share one watch."""

    def __init__(self, store: ResultStore) -> None:
        self._guard = guarded(store)
        self.store = self._guard.awaiting
        self.settings = store.settings
        self._watches = PerLoop(lambda: Watch(self.store))
        self._background = set[asyncio.Task[Any]]()
        self.recorded_here = store.recorded_here if isinstance(store, DeliveringStore) else None
        """Endpoints whose attempts the service that has the records may record itself."""

    def watch(self) -> Watch:
        """The watch over what runs on the running event loop."""
        return self._watches.get()

    def in_background(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Do this without being waited for."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    @property
    def down(self) -> bool:
        """Whether the store did not answer the last call."""
        return self._guard.down


_recorders = PerStore(Recorder)


def recorder(store: ResultStore) -> Recorder:
    """The recorder for this store, the same for all who ask while somebody has it."""
    return _recorders.of(store)

"""The items of one `delay_many`: their requests, and what became of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from operator import attrgetter
from typing import Any, cast

from fastapi_gcp_tasks.task_request import MakeNamedMessage
from gcptasks.base.unset import UNSET

Request = tuple[int, str, bytes, str]
"""The request for an item: its place in the input, its task's full name or "", its bytes, and its record's id or "".

Bare, as there is one for each item; bytes, as these are what a batch is made of.
"""

_ENDED: Any = UNSET
_BATCH_COUNT = 100
"""What BatchCreateTasks takes at most (CT-156)."""
_BATCH_BYTES = 3 << 20
"""gRPC takes 4 MiB in one message."""


@dataclass(frozen=True, slots=True)
class BulkItem:
    """What became of one item of `delay_many`."""

    index: int
    """Its place in the input, from 0."""
    name: str
    """The task's full name; empty where nobody knows it."""
    error: Exception | None = None
    """Why it was not created, for all that is known."""
    id: str = ""
    """Of its record, for `.handle(id)`; empty where none is kept."""


@dataclass
class BulkResult:
    """What became of all items of `delay_many`, each list in the order of the input."""

    created: list[BulkItem] = field(default_factory=list[BulkItem])
    existing: list[BulkItem] = field(default_factory=list[BulkItem])
    """Those whose task ids are in use already, as after an earlier run with the same ids."""
    failed: list[BulkItem] = field(default_factory=list[BulkItem])
    """Those that were refused, or of which nobody knows: run them again with the same ids."""

    def add(self, items: Iterable[BulkItem]) -> None:
        """Put each where its error says that it belongs."""
        for item in items:
            if item.error is None:
                self.created.append(item)
            elif _exists(item.error):
                self.existing.append(item)
            else:
                self.failed.append(item)

    def sort(self) -> None:
        """Bring each list into the order of the input."""
        for items in (self.created, self.existing, self.failed):
            items.sort(key=attrgetter("index"))


class Bulk:
    """Hands out the requests of all items, chunk by chunk, and takes note of what became of them."""

    def __init__(
        self,
        make: MakeNamedMessage,
        items: Iterable[Mapping[str, Any]],
        task_ids: Iterable[str] | None,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._make = make
        self._items = items
        self._task_ids = task_ids
        self._progress = progress
        self._done = 0
        self.result = BulkResult()
        self.in_batches = True
        """Whether a chunk goes in one call."""

    def chunks(self) -> Iterator[list[Request]]:
        """The requests that go together, made as they are asked for; an item that cannot be one has failed."""
        chunk: list[Request] = []
        size, make = 0, self._make
        for index, (values, task_id) in enumerate(self._named_items()):
            try:
                name, message, id = make(_by_name(values), task_id)
            except (TypeError, ValueError) as error:
                self.note([BulkItem(index, "", error)])
                continue
            size += len(message)
            if chunk and (not self.in_batches or len(chunk) == _BATCH_COUNT or size > _BATCH_BYTES):
                yield chunk
                chunk, size = [], len(message)
            chunk.append((index, name, message, id))
        if chunk:
            yield chunk

    def note(self, items: list[BulkItem]) -> None:
        """Keep what became of these, and tell how many there are so far."""
        self.result.add(items)
        self._done += len(items)
        if self._progress is not None:
            self._progress(self._done)

    def finish(self) -> BulkResult:
        """The result; call it once all are noted."""
        self.result.sort()
        return self.result

    def _named_items(self) -> Iterator[tuple[Mapping[str, Any], str | None]]:
        if self._task_ids is None:
            for values in self._items:
                yield values, None
            return
        # Not zip, whose own error could not be told from one of the caller's iterators.
        for values, task_id in zip_longest(self._items, self._task_ids, fillvalue=_ENDED):
            if values is _ENDED or task_id is _ENDED:
                raise ValueError("items and task_ids are not equally many")
            yield values, task_id


def _by_name(values: object) -> Mapping[str, Any]:
    # First the class that it mostly is: the other question takes longer.
    if type(values) is dict or isinstance(values, Mapping):
        return cast("Mapping[str, Any]", values)
    raise TypeError(f"an item must be a mapping of arguments by name, such as {{'number': 7}}, not {values!r}")


def _exists(error: Exception) -> bool:
    from google.api_core.exceptions import AlreadyExists

    return isinstance(error, AlreadyExists)

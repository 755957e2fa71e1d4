"""The records of the tasks of one `delay_many`."""

import time
from collections.abc import Mapping
from dataclasses import replace

from fastapi_gcp_tasks.bulk import BulkItem, Request
from gcptasks.client.call_flows import CallsFlow
from gcptasks.client.recorded_calls import QuietCalls, exists, refused
from gcptasks.results.guarded import LIMIT
from gcptasks.results.store import NewRecord


class BulkRecords:
    """Keeps them, chunk by chunk; a store that is down is passed over."""

    def __init__(self, quiet: QuietCalls, endpoint: str, labels: Mapping[str, str]) -> None:
        self._quiet = quiet
        self._endpoint = endpoint
        self._labels = labels
        self._given_up = False

    def add(self, chunk: list[Request]) -> CallsFlow[None]:
        """Add those of a chunk."""
        if self._given_up:
            return
        records = [
            NewRecord(id=id, endpoint=self._endpoint, task_name=name, labels=self._labels) for _, name, _, id in chunk
        ]
        began = time.monotonic()
        yield lambda: self._quiet.add_many(records)
        # A store that does not answer costs all chunks together what it costs one.
        self._given_up = self._quiet.down and time.monotonic() - began >= LIMIT

    def settled(self, chunk: list[Request], outcomes: list[BulkItem]) -> CallsFlow[list[BulkItem]]:
        """What became of a chunk, with the ids of their records; those of tasks that are not there are removed."""
        settled: list[BulkItem] = []
        for (_, name, _, id), item in zip(chunk, outcomes, strict=True):
            if item.error is None or (exists(item.error) and name.endswith(f"/{id}")):
                settled.append(replace(item, error=None, id=id))
            elif refused(item.error):
                yield from self._remove(id)
                settled.append(item)
            else:
                settled.append(replace(item, id=id))
        return settled

    def _remove(self, id: str) -> CallsFlow[None]:
        yield lambda: self._quiet.remove(id)

"""Whether an attempt that failed was the last: on Google nobody tells the worker.

It follows from retry settings: the task's own, which travel in a header of ours, else those of its queue, which are
asked for once a minute at most (CT-202 to CT-210). Where they are unknown, another attempt may come.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.log_text import log_text
from gcptasks.base.per_loop import PerLoop
from gcptasks.base.stand_ins import StandIn, replaceable
from gcptasks.client.api import TASKS
from gcptasks.client.bounded_calls import ClientCalls
from gcptasks.client.call_flows import Call
from gcptasks.engine.model import RetryConfig
from gcptasks.engine.retry import gives_up, stored

RETRY_HEADER = "X-Task-Retry"
"""The header with the limits of the task's own retry settings."""

_log = logging.getLogger("gcptasks")

_LIMITS = re.compile(r"max_attempts=(-1|[0-9]{1,9}), max_retry_duration=([0-9]{1,9})s")
_ASK_AGAIN = 60.0
_TIMEOUT = 2.0
_SECOND_NS = 1_000_000_000
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def tag_own_retries(task: Any) -> None:
    """Let a task that has retry settings of its own carry their limits; of a raw message, before it is created."""
    if task.HasField("retry_config") and task.HasField("http_request"):
        own = task.retry_config
        limits = f"max_attempts={own.max_attempts}, max_retry_duration={own.max_retry_duration.seconds}s"
        task.http_request.headers[RETRY_HEADER] = limits


class _Known(NamedTuple):
    config: RetryConfig | None
    asked_at: float


class LastAttempts:
    """Knows when the queues of one builder, or client, give tasks up.

    `client` gives the client that asks for a queue's settings; it blocks unless `awaits`.
    """

    def __init__(self, client: Callable[[], Any], *, awaits: bool, now: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._now = now
        self._awaits = awaits
        self._known: dict[str, _Known] = {}
        self._own: dict[str, _Known] = {}
        """Of its own service, while that of a test stands in."""
        self.begin_anew()
        begin_anew_in_children(self)
        replaceable(self)

    def stand_in(self, service: StandIn | None) -> None:
        """Know nothing yet of that service's queues; or what was known before."""
        self._known, self._own = (self._own, {}) if service is None else ({}, self._known)

    def begin_anew(self) -> None:
        """Have asked for nothing yet: a child cannot wait for its parent's tasks."""
        self._asking = PerLoop[dict[str, asyncio.Task[None]]](dict)

    async def is_last(self, task_name: str, headers: Mapping[str, str], attempts: int, age: timedelta) -> bool:
        """Whether no attempt follows that many, the first of which began that long ago; False where nobody knows."""
        config = _own_limits(headers) or await self._of_queue(task_name.rpartition("/tasks/")[0])
        return config is not None and gives_up(config, attempts, _ANY_TIME, _ANY_TIME + age)

    async def _of_queue(self, queue: str) -> RetryConfig | None:
        known = self._known.get(queue)
        if known is None or self._now() - known.asked_at >= _ASK_AGAIN:
            asking = self._asking.get()
            one = asking.get(queue)
            if one is None or one.done():
                one = asking[queue] = asyncio.create_task(self._ask(queue))
                one.add_done_callback(lambda _: asking.pop(queue, None))
            # Shielded: an attempt that is cut off does not take the answer from the others.
            await asyncio.shield(one)
            known = self._known.get(queue)
        return None if known is None else known.config

    async def _ask(self, queue: str) -> None:
        before = self._known.get(queue)
        config = None if before is None else before.config
        try:
            config = await self._asked(queue)
        except Exception as error:  # no credentials, no permission, no service, a fake of the user's
            if before is None:
                _log.warning(
                    "the retry settings of %s cannot be had, so nobody knows which attempt is the last: %s",
                    log_text(queue),
                    log_text(error),
                )
        self._known[queue] = _Known(config, self._now())

    async def _asked(self, queue: str) -> RetryConfig:
        if self._awaits:
            return _limits_of(await self._call(queue))
        # The client, if none was made yet, takes a while too.
        return _limits_of(await asyncio.to_thread(self._call, queue))

    def _call(self, queue: str) -> Any:
        from google.cloud.tasks_v2 import GetQueueRequest

        return ClientCalls(TASKS, self._client())(Call("get_queue", GetQueueRequest(name=queue), _TIMEOUT))


def _limits_of(queue: Any) -> RetryConfig:
    config, longest = queue.retry_config, queue.retry_config.max_retry_duration
    return _limits(int(config.max_attempts), 0 if longest is None else int(longest.total_seconds()))


def _limits(max_attempts: int, seconds: int) -> RetryConfig:
    """The limits, with the service's defaults for what is not set (CT-044)."""
    return stored(RetryConfig(max_attempts=max_attempts, max_retry_duration_ns=seconds * _SECOND_NS))


def _own_limits(headers: Mapping[str, str]) -> RetryConfig | None:
    tag = next((value for name, value in headers.items() if name.lower() == RETRY_HEADER.lower()), "")
    found = _LIMITS.fullmatch(tag)
    return None if found is None else _limits(int(found[1]), int(found[2]))

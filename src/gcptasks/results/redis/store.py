"""`RedisResults`."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import redis
import redis.asyncio

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.per_loop import PerLoop
from gcptasks.results.listening import TaskListeners, ThreadListener
from gcptasks.results.redis.clients import Clients
from gcptasks.results.redis.flows import Command, RedisFlows
from gcptasks.results.redis.subscriptions import Subscribed, subscribe
from gcptasks.results.store import KEEP, MAX_BYTES, AsyncStore, BlockingStore, StoreSettings
from gcptasks.results.verbs import AwaitedVerbs, BlockingVerbs
from gcptasks.results.waiting import Listener, Waiters


class RedisResults:
    """Records of tasks in Redis 5 or newer, or in what speaks as it does.

    Takes a URL, or a client of redis-py. A URL and a blocking client serve code that blocks and coroutines; an asyncio
    client serves coroutines alone.
    """

    def __init__(
        self,
        url_or_client: "str | redis.Redis | redis.asyncio.Redis",
        *,
        prefix: str = "task_records",
        expires_after: timedelta = KEEP,
        max_bytes: int = MAX_BYTES,
        tracebacks: bool = False,
    ) -> None:
        self.settings = StoreSettings(expires_after=expires_after, max_bytes=max_bytes, tracebacks=tracebacks)
        self._clients = Clients(url_or_client)
        self._flows = RedisFlows(prefix, expires_after)
        self._waiters = Waiters()
        self._waiters.listener = self._listener()
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        self._awaited = PerLoop(self._for_loop)

    @property
    def remote(self) -> bool:
        """Whether its calls may hang, as those over a network do."""
        return True

    def blocking(self) -> BlockingStore:
        """The store for code that blocks; `TypeError` where the client can only be awaited."""
        if not self._clients.blocks:
            raise TypeError(
                "code that blocks (sync builders, def endpoints) needs a URL or a redis.Redis; "
                "this RedisResults has an asyncio client, and can only be awaited"
            )
        return BlockingVerbs(self._flows, self._clients.take, self._waiters, self._clients.dispose)

    def awaiting(self) -> AsyncStore:
        """The store for coroutines of the running loop."""
        return self._awaited.get()

    def _for_loop(self) -> "AwaitedVerbs[Sequence[Command], list[Any]]":
        clients = self._clients
        return AwaitedVerbs(self._flows, clients.take_async, self._waiters, clients.dispose_async, clients.at_once)

    def _listener(self) -> Listener:
        # The clients are asked for anew each time: a forked child has others, and so has each loop.
        clients, channel = self._clients, self._flows.channel
        if clients.blocks:
            return ThreadListener(lambda: Subscribed(clients.blocking, channel), self._waiters)
        return TaskListeners(lambda: subscribe(clients.awaited, channel), self._waiters)

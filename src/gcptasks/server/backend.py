"""The local service without a front: a store, the calls on it, and, once started, whoever delivers from it."""

from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta

from gcptasks.base.clock import Clock, SystemClock
from gcptasks.base.events import Events
from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.names import QueueName
from gcptasks.engine.model import BufferedTask, GivenQueues, Task
from gcptasks.observe.log import log
from gcptasks.results.store import StoreSettings
from gcptasks.runtime.dispatcher import Dispatcher
from gcptasks.runtime.leader import Leader
from gcptasks.runtime.leader_lock import LeaderLock
from gcptasks.runtime.loop import Startable
from gcptasks.runtime.scheduler import Scheduler
from gcptasks.runtime.sweeper import Sweeper
from gcptasks.runtime.targets.pubsub import Published, PubsubTarget
from gcptasks.runtime.targets.router import Targets
from gcptasks.runtime.targets.target import Target
from gcptasks.runtime.tokens import Tokens
from gcptasks.server.idle_waits import IdleWaits
from gcptasks.server.local_results import LocalResults
from gcptasks.server.settings import Settings
from gcptasks.service.calls import Calls
from gcptasks.service.leased_records import Workers
from gcptasks.service.outstanding import UnderWay
from gcptasks.service.queues import beside_imported, have_queues
from gcptasks.service.reset import reset
from gcptasks.service.tasks import buffer_task
from gcptasks.store.store import Store


class Backend(Startable):
    """Answers calls at any time, and delivers from `start` to `stop`: as soon as no other process on the file does.

    `target` makes what attempts are sent to, anew at each start. `given` are there from then on, before anything is
    delivered: all of them, or the start fails.
    """

    def __init__(
        self,
        settings: Settings,
        target: Callable[[], Target],
        *,
        clock: Clock | None = None,
        given: GivenQueues | None = None,
    ) -> None:
        super().__init__()
        self._clock = clock or SystemClock()
        self.events = Events()
        self.events.subscribe(log)
        self._store = Store(settings.parsed_database, self.events, settings.synchronous)
        self._policy = settings.policy
        self.calls = Calls(self._store, self._clock, self._policy)
        self.published = Published()
        self._pubsub_at = settings.pubsub
        self._lock = LeaderLock(settings.parsed_database.lock_path)
        self.tokens = Tokens(self._store, settings.issuer or "http://localhost")
        self._new_target = target
        self._given = given or GivenQueues()
        self._recorded_here = set[str]()
        self._leader: Leader | None = None
        self._dispatcher: Dispatcher | None = None
        self._scheduler: Scheduler | None = None
        self.idle_waits = IdleWaits(self._store, self._clock, self._under_way)
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """In a forked child: deliver nothing until it is started there. What its parent's has begun is the parent's."""
        self._begun = False
        self._leader = self._dispatcher = self._scheduler = None

    def results(self, settings: StoreSettings) -> LocalResults:
        """Records of tasks, in its database."""
        return LocalResults(self._store, self._clock, settings, self._recorded_here)

    async def stop_delivering(self, grace: timedelta) -> None:
        """Start no more attempts and finish those under way within `grace`. Calls are still answered."""
        if self._leader is not None:
            await self._leader.stop(grace)
        self.idle_waits.stop()

    def settle(self) -> None:
        """Let every call that waits for the database have its outcome, blocking the event loop."""
        self._store.settle()

    async def buffer_task(self, asked: BufferedTask) -> Task:
        """The task that BufferTask has made."""
        return await self.calls.write(buffer_task, asked)

    def beside_imported(self, limit: int) -> list[QueueName]:
        """Up to `limit` queues that stand in the location of those that were imported, and are not given."""
        return self._store.read(beside_imported, self._given, limit)

    async def reset(self) -> None:
        """Drop everything, in one transaction, and have nothing but the queues that are given.

        Then the attempts under way in this process are cancelled: nothing waits for how they end any more.
        """
        await self._store.write(reset, self._given, self._clock.now(), self._policy)
        self.published.clear()
        if self._leader is not None:
            await self._leader.restart()

    @property
    def delivers(self) -> bool:
        """Whether it is this process that delivers."""
        return self._leader is not None and self._leader.leads

    def _workers(self, target: Target) -> Workers | None:
        """Those of this process, if there are any."""
        return Workers(self._recorded_here, target.leads_into_an_app) if isinstance(target, Targets) else None

    async def _begin(self) -> None:
        self._target = self._new_target()
        jobs_target = PubsubTarget(self._target, self._pubsub_at, self.published)
        scheduler = Scheduler(self._store, jobs_target, self._clock, self._policy)
        app_engine, look = self._policy.app_engine, scheduler.look
        dispatcher = Dispatcher(
            self._store,
            self._target,
            self._clock,
            app_engine=app_engine,
            others_wrote=look,
            workers=self._workers(self._target),
            shares_process=isinstance(self._target, Targets) and self._target.has_apps,
        )
        loops = [dispatcher, scheduler, Sweeper(self._store, self._clock)]
        self._dispatcher, self._scheduler = dispatcher, scheduler
        self.idle_waits.go_on()
        self._leader = Leader(self._lock, loops, self._clock)
        try:
            self._store.open()
            if self._given != GivenQueues():
                await self._store.write(have_queues, self._given, self._clock.now(), self._policy)
            await self._leader.start()
        except BaseException:
            await self._end(timedelta(0))
            raise

    def _under_way(self) -> UnderWay:
        return UnderWay(
            Counter() if self._dispatcher is None else self._dispatcher.under_way(),
            Counter() if self._scheduler is None else self._scheduler.under_way(),
        )

    async def _end(self, grace: timedelta) -> None:
        # Each step is taken, in the reverse order, though one before it may fail or be cancelled.
        async with AsyncExitStack() as steps:
            steps.callback(self._lock.release)
            steps.callback(self._store.close)
            steps.push_async_callback(self._target.close)
            await self.stop_delivering(grace)

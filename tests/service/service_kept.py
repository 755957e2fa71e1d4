"""A service on a file, with a clock that the test moves."""

import sqlite3
from pathlib import Path

from gcptasks.base.events import Events
from gcptasks.client import inprocess
from gcptasks.client.api import TASKS
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.service.upkeep import sweep
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from runtime.runtime_doubles import ManualClock
from service.service_world import Api, Heard


class Kept:
    """A service on a file that is swept when the test says so."""

    def __init__(self, path: Path, queue: str = "q") -> None:
        self.path = path
        self.clock = ManualClock()
        self.heard = Heard()
        events = Events()
        events.subscribe(self.heard)
        self.store = Store(parse_database(str(path)), events, "normal")
        calls = Calls(self.store, self.clock, Policy())
        self.api = Api(inprocess.client(TASKS, calls), self.heard, "projects/p/locations/l")
        self.queue = self.api.name(queue)
        if not self.api.call("list_queues", parent=self.api.parent).queues:
            self.api.queue(queue)

    def sweep(self) -> bool:
        return self.store.write_sync(sweep, self.clock.now(), self.clock.now())

    def names(self) -> list[str]:
        return [task.name for task in self.api.call("list_tasks", parent=self.queue).tasks]

    def rows(self, table: str) -> int:
        connection = sqlite3.connect(self.path)
        try:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        finally:
            connection.close()

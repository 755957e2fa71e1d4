"""Stores of results, each by its name: a fixture `NAME_results` gives what makes one."""

from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from gcptasks.client.service_results import ServiceResults
from gcptasks.results.redis import RedisResults
from gcptasks.results.sql import SQLResults
from gcptasks.results.store import ResultStore
from gcptasks.server.emulator import emulating
from gcptasks.server.local_service import LocalService
from gcptasks.server.settings import PortSettings
from results import database_servers
from results.database_servers import Server
from results.results_store_suite import MakeResults


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that a busy machine keeps waiting for a second is not taken to be down."""
    monkeypatch.setattr("gcptasks.results.guarded.LIMIT", 30.0)


@pytest.fixture
def memory_results() -> MakeResults:
    return LocalService("memory:", app_url="http://app.local").results


@pytest.fixture
def file_results(tmp_path: Path) -> MakeResults:
    """Each on a connection of its own, as the processes of one file have it."""

    def make(**options: Any) -> ResultStore:
        return LocalService(f"sqlite:///{tmp_path}/tasks.db", app_url="http://app.local").results(**options)

    return make


@pytest.fixture
def port_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeResults]:
    """Each on connections of its own, to one service on a port."""
    config = PortSettings(port=0, database=str(tmp_path / "tasks.db"))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(emulating(config)) as emulator:
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", emulator.address)
        yield ServiceResults


@pytest.fixture(scope="session")
def postgresql() -> Generator[Server]:
    with database_servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Generator[Server]:
    with database_servers.mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Generator[Server]:
    with database_servers.redis() as server:
        yield server


@pytest.fixture
def sqlite_results(tmp_path: Path) -> MakeResults:
    return _with_table(f"sqlite:///{tmp_path}/results.db")


@pytest.fixture
def postgresql_results(postgresql: Server) -> MakeResults:
    return _with_table(postgresql.url)


@pytest.fixture
def mysql_results(mariadb: Server) -> MakeResults:
    return _with_table(mariadb.url)


@pytest.fixture
def redis_results(redis_server: Server) -> MakeResults:
    return partial(RedisResults, redis_server.url, prefix=f"records_{token_hex(4)}")


def _with_table(url: str) -> MakeResults:
    """Stores in a new table."""
    table = f"records_{token_hex(4)}"
    results = SQLResults(url, table=table)
    results.create_tables()
    results.blocking().close()
    return partial(SQLResults, url, table=table)

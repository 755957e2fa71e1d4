"""SQLResults and RedisResults among processes: no change is lost, and forked children have connections of their own."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex

import pytest

from gcptasks.results.sql import SQLResults
from results.database_servers import Server
from results.results_named import results_named
from results.results_store_suite import new

REDIS = pytest.param("redis_server", marks=pytest.mark.slow)
TESTS = Path(__file__).parents[1]


@pytest.fixture
def named(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str, str]:
    """A store by words, for programs."""
    database: str = request.param
    name = f"records_{token_hex(4)}"
    if database == "sqlite":
        url = f"sqlite:///{tmp_path}/results.db"
    else:
        server: Server = request.getfixturevalue(database)
        url = server.url
    if database == "redis_server":
        return "redis", url, name
    results = SQLResults(url, table=name)
    results.create_tables()
    results.blocking().close()
    return "sql", url, name


@contextmanager
def program(module: str, *arguments: object) -> Generator["subprocess.Popen[str]"]:
    """A program of this folder, which has ended when the block has."""
    command = [sys.executable, "-m", f"results.{module}", *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=TESTS, stdin=pipe, stdout=pipe, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def each_process_starts(named: tuple[str, str, str], count: int) -> None:
    store = results_named(*named).blocking()
    id = store.add(new()).id
    with ExitStack() as stack:
        programs = [stack.enter_context(program("results_starting", *named, id, count)) for _ in range(2)]
        for one in programs:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in programs:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        assert [one.wait(50) for one in programs] == [0, 0]
    record = store.get(id)
    assert record is not None
    assert record.attempt == 2 * count
    store.close()


@pytest.mark.parametrize("named", ["postgresql", REDIS], indirect=True)
def test_no_change_is_lost_where_two_processes_make_them(named: tuple[str, str, str]) -> None:
    each_process_starts(named, 40)


@pytest.mark.slow
@pytest.mark.parametrize("named", ["sqlite", "postgresql", "mariadb", "redis_server"], indirect=True)
def test_no_change_is_lost_where_two_processes_make_a_thousand_each(named: tuple[str, str, str]) -> None:
    each_process_starts(named, 1000)


@pytest.mark.parametrize("named", ["postgresql", REDIS], indirect=True)
def test_a_forked_child_uses_the_store_and_its_parent_hears_of_it(named: tuple[str, str, str]) -> None:
    with program("results_fork", *named) as running:
        assert running.wait(50) == 0

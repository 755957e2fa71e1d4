"""The time of tests beside time-machine and freezegun, as their users have them."""

import subprocess
import sys

import pytest

from testing.testing_suites import APP, INI, alone

pytest_plugins = ["pytester"]

TRAVELLED = """
import pytest
from datetime import UTC, datetime, timedelta
from kit_shop import cook, serve

def test_the_time_of_the_program_follows(tasks, time_machine):
    begin = tasks.now
    cook.options(countdown=3600).delay(dish="soup")
    assert len(tasks.advance(hours=2)) == 1
    assert timedelta(0) <= datetime.now(UTC) - begin - timedelta(hours=2) < timedelta(minutes=10)
    cook.options(schedule_time=datetime.now(UTC)).delay(dish="now")
    cook.options(schedule_time=datetime.now(UTC) + timedelta(hours=1)).delay(dish="later")
    assert [run.arguments for run in tasks.drain()] == [{"dish": "now"}]
    assert len(tasks.advance(hours=2)) == 1

def test_the_clock_begins_where_the_program_is(time_machine, tasks_at):
    assert tasks_at.year == 2031

@pytest.fixture
def tasks_at(time_machine, request):
    time_machine.move_to("2031-05-05T00:00Z")
    return request.getfixturevalue("tasks").now
"""

FROZEN = """
import pytest
from datetime import UTC, datetime, timedelta
from freezegun import freeze_time
from kit_shop import cook, serve

@pytest.fixture
def freezer():
    with freeze_time("2020-05-05") as frozen:
        yield frozen

def test_the_time_of_the_program_follows(freezer, tasks):
    assert tasks.now == datetime(2020, 5, 5, tzinfo=UTC)
    cook.options(countdown=3600).delay(dish="soup")
    tasks.where(countdown=3600).assert_enqueued(cook, dish="soup")
    assert len(tasks.advance(hours=2)) == 1
    assert datetime.now(UTC) == tasks.now == datetime(2020, 5, 5, 2, tzinfo=UTC)

async def test_it_follows_in_a_coroutine(freezer, tasks):
    await serve.options(schedule_time=datetime.now(UTC) + timedelta(hours=1)).delay(dish="pie")
    assert len(await tasks.advance(hours=1)) == 1
    assert datetime.now(UTC) == tasks.now

@freeze_time("2021-01-01")
def test_a_time_that_is_frozen_already_is_where_it_begins():
    from fastapi_gcp_tasks.testing import TestTasks
    import kit_shop

    with TestTasks(kit_shop.app) as tasks:
        assert tasks.now == datetime(2021, 1, 1, tzinfo=UTC)
        cook.delay(dish="soup")
        assert len(tasks.drain()) == 1

def test_a_time_that_is_frozen_later_is_not_that_of_the_kit():
    from fastapi_gcp_tasks.testing import TestTasks
    import kit_shop

    with freeze_time("2022-01-01"):
        pass  # freezegun keeps what it replaced here, and replaces the same names ever after
    with TestTasks(kit_shop.app) as tasks:
        with freeze_time("2023-01-01"):
            cook.options(countdown=60).delay(dish="soup")
            assert cook.options(schedule_time=datetime.now(UTC)).delay(dish="now")
        cook.options(countdown=60).delay(dish="bread")
        assert [task.schedule_time - tasks.now for task in tasks.enqueued(cook)] == [
            timedelta(0), timedelta(minutes=1), timedelta(minutes=1)
        ]
"""


@pytest.mark.parametrize(("tests", "count"), [(TRAVELLED, 2), (FROZEN, 4)], ids=["time-machine", "freezegun"])
def test_the_time_of_the_program_is_that_of_the_test(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tests: str, count: int
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makepyfile(kit_shop=APP)
    pytester.syspathinsert()
    pytester.makeini(f"{INI}tasks_app = kit_shop:app\n")
    pytester.makepyfile(tests)
    alone(pytester).assert_outcomes(passed=count)


def test_freezing_the_time_imports_nothing() -> None:
    # freezegun asks for every name of every module, and no module that defines models can be imported meanwhile.
    code = (
        "import sys, cloudtask, fastapi_gcp_tasks, fastapi_gcp_tasks.results, fastapi_gcp_tasks.testing\n"
        "from freezegun import freeze_time\n"
        "known = set(sys.modules)\n"
        "with freeze_time('2020-01-01'):\n"
        "    new = {name for name in sys.modules if name not in known}\n"
        "assert not any('task' in name or 'google' in name for name in new), new\n"
        "assert fastapi_gcp_tasks.results_router\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

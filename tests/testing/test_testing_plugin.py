"""The fixture `tasks` in suites of users: their own processes would take long, so pytest runs them in this one."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from testing.testing_suites import APP, INI, inside

pytest_plugins = ["pytester"]

TESTS = """
from kit_shop import cook, done, serve

def test_sync(tasks):
    cook.delay(dish="soup")
    tasks.assert_enqueued(cook, dish="soup")
    assert len(tasks.drain()) == 1
    assert done.pop() == "soup"

async def test_async(tasks):
    await serve.delay(dish="pie")
    assert len(await tasks.drain()) == 1
    assert done.pop() == "pie"
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makepyfile(kit_shop=APP)
    pytester.syspathinsert()
    return pytester


def test_the_app_is_found_by_the_ini_option(run: pytest.Pytester) -> None:
    run.makeini(f"{INI}tasks_app = kit_shop:app\n")
    run.makepyfile(TESTS)
    inside(run).assert_outcomes(passed=2)


def test_the_app_is_found_by_the_fixture_of_the_suite(run: pytest.Pytester) -> None:
    run.makeini(INI)
    run.makepyfile(f"import pytest, kit_shop\n@pytest.fixture\ndef app():\n    return kit_shop.app\n{TESTS}")
    inside(run).assert_outcomes(passed=2)


def test_anyio_runs_coroutines_too(run: pytest.Pytester) -> None:
    run.makeini("[pytest]\ntasks_app = kit_shop:app\n")
    run.makepyfile(
        "import pytest\n"
        f"{TESTS}\n"
        "test_async = pytest.mark.anyio(test_async)\n"
        "@pytest.fixture\n"
        "def anyio_backend():\n"
        "    return 'asyncio'\n"
    )
    inside(run, "-p", "no:asyncio").assert_outcomes(passed=2)


def test_the_app_may_come_from_a_coroutine(run: pytest.Pytester) -> None:
    run.makeini(INI)
    run.makepyfile(
        f"import pytest_asyncio, kit_shop\n@pytest_asyncio.fixture\nasync def app():\n    yield kit_shop.app\n{TESTS}"
    )
    inside(run).assert_outcomes(passed=2)


def test_decorated_coroutines_are_told_from_functions(run: pytest.Pytester) -> None:
    run.makeini(f"{INI}tasks_app = kit_shop:app\n")
    run.makepyfile(
        """
        from hypothesis import HealthCheck, given, settings, strategies
        from kit_shop import serve

        @settings(max_examples=2, suppress_health_check=list(HealthCheck))
        @given(dish=strategies.sampled_from(["pie", "soup"]))
        async def test_async(tasks, dish):
            await serve.delay(dish=dish)
            assert len(await tasks.drain()) == 1
        """
    )
    inside(run).assert_outcomes(passed=1)


def test_without_an_app_it_says_how_to_name_one(run: pytest.Pytester) -> None:
    run.makepyfile("def test_one(tasks): ...")
    result = inside(run, "-p", "no:asyncio")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['*the fixture tasks does not know the app: set tasks_app = "module:app"*'])


def test_a_fixture_that_the_app_lacks_is_named(run: pytest.Pytester) -> None:
    run.makepyfile("import pytest\n@pytest.fixture\ndef app(lacking): ...\ndef test_one(tasks): ...\n")
    result = inside(run, "-p", "no:asyncio")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'lacking' not found*"])


def test_the_time_of_the_test_is_moved_along(run: pytest.Pytester) -> None:
    run.makeini("[pytest]\ntasks_app = kit_shop:app\n")
    run.makepyfile(
        """
        import pytest
        from datetime import timedelta

        class Traveller(list):
            move_to = list.append

        @pytest.fixture
        def time_machine():
            return Traveller()

        def test_one(tasks, time_machine):
            begin = tasks.now
            tasks.advance(hours=1)
            assert time_machine == [begin, begin + timedelta(hours=1)]
        """
    )
    inside(run, "-p", "no:asyncio").assert_outcomes(passed=1)


def test_the_plugin_loads_nothing_of_ours() -> None:
    code = (
        "import sys, pytest\n"
        "known = set(sys.modules)\n"
        "import gcptasks.testing.pytest_plugin\n"
        "new = {name for name in sys.modules if name not in known and not name.startswith('_')}\n"
        "assert new == {'gcptasks', 'gcptasks.testing', 'gcptasks.testing.pytest_plugin'}, new\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_pytest_is_told_of_the_plugin() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"fastapi_gcp_tasks": "gcptasks.testing.pytest_plugin"}

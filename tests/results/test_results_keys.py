"""One task per key: whoever asks first creates it, and all get its handle."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from google.api_core.exceptions import PermissionDenied, ResourceExhausted, ServiceUnavailable

from fastapi_gcp_tasks import LocalService
from gcptasks.client.argument_digest import argument_digest
from gcptasks.engine.task_records import RECORD_HEADER, AttemptFailed, ErrorInfo, Restarted, Succeeded, TaskStatus
from gcptasks.results.errors import KeyConflict
from gcptasks.results.store import Query
from results.results_app import HOWS, URL, App, Refusing, Squared, done, records_of, started, tasks_of

each_twin = pytest.mark.parametrize("how", HOWS)
NINE = b'{"number":3,"square":9}'


@pytest.fixture
def local() -> LocalService:
    return LocalService("memory:", app_url=URL)


@each_twin
async def test_a_second_submit_gets_the_first_ones_task(how: str, local: LocalService) -> None:
    app = App(how, local)
    first = await done(app.square.options(key="a").submit, 3)
    again = await done(App(how, local).square.options(key="a").submit, number=3)
    assert (again.id, again.name) == (first.id, first.name)
    (task,) = tasks_of(local).values()
    assert (task.name, task.http_request.headers[RECORD_HEADER]) == (first.name, f"{first.id}.1")
    await app.succeed(first.id, NINE)
    done_already = await done(app.square.options(key="a").submit, number=3)
    assert await done(done_already.result) == Squared(number=3, square=9)
    assert len(tasks_of(local)) == 1


@each_twin
async def test_keys_are_of_one_endpoint(how: str, local: LocalService) -> None:
    app = App(how, local)
    ids = {
        (await done(endpoint.submit, *args)).id
        for endpoint, args in [
            (app.square.options(key="a"), [3]),
            (app.square.options(key="b"), [3]),
            (app.nothing.options(key="a"), []),
        ]
    }
    assert len(ids) == len(tasks_of(local)) == 3


@each_twin
async def test_of_many_at_once_one_creates_the_task(how: str, local: LocalService) -> None:
    app = App(how, local)
    handles = await asyncio.gather(*[done(app.square.options(key="a").submit, 3) for _ in range(30)])
    assert {(handle.id, handle.name) for handle in handles} == {(handles[0].id, *tasks_of(local))}


@each_twin
async def test_the_same_key_with_other_arguments_is_a_conflict(how: str, local: LocalService) -> None:
    app = App(how, local)
    handle = await done(app.square.options(key="a").submit, number=3)
    for values in ({"number": 4}, {"number": 3, "tags": frozenset("a")}):
        with pytest.raises(KeyConflict, match=f"has a task with this key already, with other arguments: {handle.id}"):
            await done(app.square.options(key="a").submit, **values)
    assert issubclass(KeyConflict, ValueError)
    assert (len(tasks_of(local)), records_of(app)) == (1, [handle.name])


@pytest.mark.parametrize(
    ("value", "one", "other", "same"),
    [
        ({"a", "b"}, b'["a", "b"]', b'["b","a"]', True),
        ([{"x": frozenset("ab")}], b'[{"x": ["a","b"]}]', b'[{"x": ["b","a"]}]', True),
        ({"a": 1, "b": 2}, b'{"a": 1, "b": 2}', b'{"b": 2, "a": 1}', True),
        (["a", "b"], b'["a", "b"]', b'["b", "a"]', False),
        ({"a", "b"}, b"t=a&t=b", b"t=b&t=a", True),
        (["a", "b"], b"t=a&t=b", b"t=b&t=a", False),
        (["a"], b'{"a": 1}', b'{"a": 2}', False),
    ],
)
def test_what_has_no_order_is_no_difference(value: Any, one: bytes, other: bytes, same: bool) -> None:
    digests = {argument_digest({"value": value}, [b"/path", carried]) for carried in (one, other)}
    assert (len(digests) == 1) == same


PROGRAM = """
from google.cloud.tasks_v2 import CloudTasksClient
from results.results_app import App
from gcptasks.results.store import StoreSettings
from fastapi_gcp_tasks import LocalService

app = App("blocking", LocalService("memory:", app_url="http://app.local"))
handle = app.square.options(key="a").submit(3, frozenset("abcdefghij"))
print(handle.id, app.results.blocking().get(handle.id).arguments.hex())
"""


@pytest.mark.slow
def test_two_processes_have_one_task_of_a_set() -> None:
    """Two processes have another one, as the hashes of texts differ."""
    tests = __file__.rpartition("/results/")[0]
    said = set[str]()
    for seed in "12":
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": tests}
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert ran.returncode == 0, ran.stderr
        said.add(ran.stdout)
    assert len(said) == 1


@each_twin
async def test_a_failure_keeps_its_key(how: str, local: LocalService) -> None:
    app = App(how, local)
    handle = await done(app.square.options(key="a").submit, 3)
    await app.happen(handle.id, started(), AttemptFailed(1, ErrorInfo("a.B", "no"), for_good=True))
    again = await done(app.square.options(key="a").submit, 3)
    assert await done(again.status) is TaskStatus.FAILED
    assert len(tasks_of(local)) == 1


@each_twin
async def test_what_has_ended_is_run_again_if_so_asked(how: str, local: LocalService) -> None:
    app = App(how, local)
    square = app.square.options(key="a")
    handle = await done(square.options(labels={"run": "1"}).submit, 3)
    rerun = square.options(rerun=True, labels={"run": "2"})
    assert (await done(rerun.submit, 3)).name == handle.name  # it has not ended
    await app.succeed(handle.id, NINE)
    again = await done(rerun.submit, number=4)
    assert again.id == handle.id
    assert again.name != handle.name
    assert await done(handle.status) is TaskStatus.QUEUED
    assert (await done(again.info)).labels == {"run": "2"}
    assert handle.name == again.name
    assert tasks_of(local)[again.name].http_request.headers[RECORD_HEADER] == f"{handle.id}.2"
    assert len(tasks_of(local)) == 2
    with pytest.raises(KeyConflict):
        await done(rerun.submit, number=3)
    with pytest.raises(KeyConflict):
        await done(square.submit, number=3)
    assert (await done(square.submit, number=4)).name == again.name


@each_twin
async def test_of_many_reruns_at_once_one_creates_the_task(how: str, local: LocalService) -> None:
    app = App(how, local)
    rerun = app.square.options(key="a", rerun=True)
    handle = await done(rerun.submit, 3)
    await app.succeed(handle.id, NINE)
    handles = await asyncio.gather(*[done(rerun.submit, 3) for _ in range(20)])
    assert len({one.name for one in handles}) == 1
    assert set(tasks_of(local)) == {handle.name, handles[0].name}
    await app.happen(handle.id, started(), Succeeded(1, NINE), run=2)
    assert await done(handle.result) == Squared(number=3, square=9)


@each_twin
async def test_a_forgotten_key_is_free(how: str, local: LocalService) -> None:
    app = App(how, local)
    first = await done(app.square.options(key="a").submit, 3)
    await done(first.forget)
    second = await done(app.square.options(key="a").submit, 4)
    assert second.id == first.id
    assert set(tasks_of(local)) == {first.name, second.name}


class Dies(BaseException):
    """The process is gone: no handler of exceptions runs."""


@pytest.mark.parametrize("after", [False, True], ids=["before the task", "after the task"])
def test_a_caller_that_dies_blocks_no_key(local: LocalService, after: bool) -> None:
    dying = App("blocking", local, client=Refusing(local.tasks_client(), Dies(), after=after))
    with pytest.raises(Dies):
        dying.square.options(key="a").submit(3)
    assert len(tasks_of(local)) == after
    app = App("blocking", local)
    with pytest.raises(KeyConflict):
        app.square.options(key="a").submit(4)
    handle = app.square.options(key="a").submit(3)
    assert set(tasks_of(local)) == {handle.name} == set(records_of(app))
    local.tasks_client().delete_task(name=handle.name)
    assert app.square.options(key="a").submit(3).name == handle.name
    assert tasks_of(local) == {}  # it is known to have been created


@pytest.mark.parametrize("after", [False, True])
def test_a_create_of_which_nobody_knows_is_made_again_by_the_next_call(local: LocalService, after: bool) -> None:
    client = Refusing(local.tasks_client(), ServiceUnavailable("?"), after=after)
    app = App("blocking", local, client=client)
    with pytest.raises(ServiceUnavailable):
        app.square.options(key="a").submit(3)
    handle = app.square.options(key="a").submit(3)
    assert set(tasks_of(local)) == {handle.name} == set(records_of(app))


def test_what_was_cancelled_before_it_was_created_is_not_created(local: LocalService) -> None:
    client = Refusing(local.tasks_client(), ServiceUnavailable("?"))
    app = App("blocking", local, client=client)
    with pytest.raises(ServiceUnavailable):
        app.square.options(key="a").submit(3)
    (record,) = app.results.blocking().find(Query()).records
    assert app.square.handle(record.id).cancel()
    assert app.square.options(key="a").submit(3).status() is TaskStatus.CANCELLED
    assert tasks_of(local) == {}


def test_a_refusal_takes_no_record_from_the_call_that_created_the_task(local: LocalService) -> None:
    other = App("blocking", local)

    class TooLate(Refusing):
        def create_task(self, request: Any = None, **options: Any) -> Any:
            other.square.options(key="a").submit(3)
            raise PermissionDenied("not you")

    with pytest.raises(PermissionDenied):
        App("blocking", local, client=TooLate(local.tasks_client())).square.options(key="a").submit(3)
    (name,) = tasks_of(local)
    assert records_of(other) == [name]
    assert other.square.options(key="a").submit(3).name == name


def test_a_refusal_takes_no_record_from_a_call_whose_task_may_be_there(local: LocalService) -> None:
    lost = Refusing(local.tasks_client(), ServiceUnavailable("?"), after=True)
    with pytest.raises(ServiceUnavailable):
        App("blocking", local, client=lost).square.options(key="a").submit(3)
    full = Refusing(local.tasks_client(), ResourceExhausted("quota"))
    with pytest.raises(ResourceExhausted):
        App("blocking", local, client=full).square.options(key="a").submit(3)
    app = App("blocking", local)
    (name,) = tasks_of(local)
    assert records_of(app) == [name]
    assert app.square.options(key="a").submit(3).name == name
    assert set(tasks_of(local)) == {name}


def test_a_record_that_is_taken_away_while_its_task_is_created_is_made_again(local: LocalService) -> None:
    """The first call is refused just after the second one, which relies on its record, has created the task."""
    first = App("blocking", local)

    class Meanwhile(Refusing):
        def create_task(self, request: Any = None, **options: Any) -> Any:
            task = super().create_task(request, **options)
            (record,) = first.results.blocking().find(Query()).records
            assert first.results.blocking().remove(record.id)
            return task

    with pytest.raises(ServiceUnavailable):
        lost = Refusing(local.tasks_client(), ServiceUnavailable("?"))
        App("blocking", local, client=lost).square.options(key="a", labels={"n": "1"}).submit(3)
    app = App("blocking", local, client=Meanwhile(local.tasks_client()))
    handle = app.square.options(key="a", labels={"n": "1"}).submit(3)
    assert handle.info().labels == {"n": "1"}
    assert app.square.options(key="a").submit(3).name == handle.name
    assert set(tasks_of(local)) == {handle.name}


class Forgetful:
    """A store whose records expire just before they are started anew."""

    remote = False

    def __init__(self, local: LocalService) -> None:
        self.inside = local.results()
        self.settings = self.inside.settings

    def blocking(self) -> Any:
        return self

    def awaiting(self) -> Any:
        return self.inside.awaiting()

    def change(self, id: str, run: int, event: Any) -> Any:
        if isinstance(event, Restarted):
            self.inside.blocking().remove(id)
        return self.inside.blocking().change(id, run, event)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inside.blocking(), name)


async def test_a_record_that_expires_as_it_is_started_anew_is_made_again(local: LocalService) -> None:
    app = App("blocking", local, results=Forgetful(local))
    square = app.square.options(key="a", rerun=True)
    first = square.submit(3)
    await app.succeed(first.id, NINE)
    second = square.submit(4)
    assert second.status() is TaskStatus.QUEUED
    assert set(tasks_of(local)) == {first.name, second.name}

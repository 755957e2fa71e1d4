"""What is sent for a task, by which client, and when it is due."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock, Mock
from zoneinfo import ZoneInfo

import pytest
from google.api_core.exceptions import AlreadyExists
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, CreateTaskRequest, HttpMethod, HttpRequest
from google.cloud.tasks_v2 import Task as GoogleTask
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import FutureDate, FutureDatetime

from fastapi_gcp_tasks.exception import WrongTypeError
from functions.functions_shop import APP, Shop, make_client
from gcptasks.engine.task_limits import LARGEST
from routes.routes_fakes import FakeAsyncClient, FakeClient

LOCATION = "projects/p/locations/l"


def number(x: int, y: int = 2) -> int:
    return x + y


class Sent:
    """A function that is a task, and the requests that were made for it."""

    def __init__(self, function: Any = number, options: dict[str, Any] | None = None, **settings: Any) -> None:
        self.google = FakeClient()
        self.client = make_client(client=self.google, **settings)
        self.declared: Any = self.client.task(name="number", **(options or {}))(function)

    @property
    def last(self) -> CreateTaskRequest:
        return self.google.requests[-1]


def test_a_request_is_what_was_promised() -> None:
    sent = Sent(sae="me@p.iam.gserviceaccount.com", timeout=30, options={"headers": {"X-Own": "1"}})
    assert sent.declared(1).sync_push() == f"{LOCATION}/queues/default/tasks/1"
    assert sent.google.timeouts == [10.0]
    http = sent.last.task.http_request
    assert http == HttpRequest(
        url=f"{APP}/tasks/run",
        http_method=HttpMethod.POST,
        headers={"content-type": "application/json", "x-own": "1", "x-pyct-secret": "known"},
        body=b'{"path":"number","args":[],"kwargs":{"x":1,"y":2}}',
        oidc_token={"service_account_email": "me@p.iam.gserviceaccount.com"},
    )
    assert (sent.last.parent, sent.last.task.name) == (f"{LOCATION}/queues/default", "")
    assert sent.last.task.dispatch_deadline == timedelta(seconds=30)
    assert "schedule_time" not in sent.last.task


def test_without_secret_account_and_timeout_a_request_has_none() -> None:
    sent = Sent(secret="")
    sent.declared(1).sync_push()
    assert "oidc_token" not in sent.last.task.http_request
    assert "dispatch_deadline" not in sent.last.task
    assert dict(sent.last.task.http_request.headers) == {"content-type": "application/json"}


def test_no_header_of_a_task_takes_the_place_of_the_secret() -> None:
    sent = Sent(secret_header_name="X-Who")
    task = sent.declared(1)
    task.headers |= {"X-WHO": "other", "X-PYCT-SECRET": "other"}
    task.sync_push()
    headers = dict(sent.last.task.http_request.headers)
    assert headers == {"content-type": "application/json", "x-who": "known", "x-pyct-secret": "other"}


async def test_all_ways_to_push_send_the_same() -> None:
    google, async_google = FakeClient(), FakeAsyncClient()
    client = make_client(client=google, async_client=async_google)
    declared = client.task(name="number")(number)
    for task in (declared(1), declared(x=1), declared(1, y=2)):
        task.sync_push()
        task.sync_delay()
        await task.push()
        await task.delay()
    requests = [*google.requests, *async_google.requests]
    assert len(google.requests) == len(async_google.requests) == 6
    assert all(request == requests[0] for request in requests)


def test_what_is_set_on_a_task_counts() -> None:
    sent = Sent()
    task = sent.declared(1)
    task.queue, task.url, task.timeout = "fast", "https://other.local/x", 20
    task.headers["X-Trace"] = "abc"
    task.name = "first"
    task.sync_push()
    http = sent.last.task.http_request
    assert (sent.last.parent, sent.last.task.name) == (f"{LOCATION}/queues/fast", f"{LOCATION}/queues/fast/tasks/first")
    assert (http.url, http.headers["x-trace"]) == ("https://other.local/x", "abc")
    assert sent.last.task.dispatch_deadline == timedelta(seconds=20)
    sent.declared(1).sync_push()
    assert (sent.last.parent, sent.last.task.name) == (f"{LOCATION}/queues/default", "")
    assert "x-trace" not in sent.last.task.http_request.headers


def test_a_task_can_be_pushed_again_and_changed_in_between() -> None:
    sent = Sent(options={"headers": {"X-Own": "1"}})
    task, other = sent.declared(1), sent.declared(1)
    other.sync_push()
    as_declared = sent.last
    for _ in range(2):
        task.sync_push()
        assert sent.last == as_declared
        task.queue = "fast"
        task.headers["X-Trace"] = "abc"
        task.sync_push()
        assert sent.last.parent == f"{LOCATION}/queues/fast"
        task.headers["X-Trace"] = "def"
        task.sync_push()
        assert dict(sent.last.task.http_request.headers) == {
            **dict(as_declared.task.http_request.headers),
            "x-trace": "def",
        }
        task.queue = "default"
        del task.headers["X-Trace"]
    assert (task.headers, other.headers) == ({"x-own": "1"}, {"x-own": "1"})
    other.sync_push()
    assert sent.last == as_declared


def a_change() -> st.SearchStrategy[tuple[str, Any]]:
    texts = st.sampled_from(["a", "b"])
    return st.one_of(
        st.tuples(st.sampled_from(["queue", "name"]), texts),
        st.tuples(st.just("url"), texts.map("https://{}.local/".format)),
        st.tuples(st.just("timeout"), st.none() | st.integers(15, 17)),
        st.tuples(st.just("headers"), st.dictionaries(texts, texts)),
        st.tuples(texts, texts | st.none()),
    )


@settings(max_examples=40)
@given(changes=st.lists(st.tuples(st.integers(0, 1), st.lists(a_change(), max_size=2)), max_size=6))
def test_each_push_sends_what_its_own_task_says_by_then(changes: list[tuple[int, list[tuple[str, Any]]]]) -> None:
    sent = Sent(options={"headers": {"a": "function's"}})
    tasks = [sent.declared(1), sent.declared(1)]
    expected: list[dict[str, Any]] = [
        {"queue": "default", "name": None, "url": f"{APP}/tasks/run", "timeout": None, "headers": {"a": "function's"}}
        for _ in tasks
    ]
    for which, settings_of_one in changes:
        task, says = tasks[which], expected[which]
        for name, value in settings_of_one:
            if name in says:
                setattr(task, name, dict(value) if name == "headers" else value)
                says[name] = value
            elif value is None:
                task.headers.pop(name, None)
                says["headers"] = {key: one for key, one in says["headers"].items() if key != name}
            else:
                task.headers[name] = value
                says["headers"] = {**says["headers"], name: value}
        task.sync_push()
        made, http = sent.last, sent.last.task.http_request
        queue = f"{LOCATION}/queues/{says['queue']}"
        assert made.parent == queue
        assert made.task.name == (f"{queue}/tasks/{says['name']}" if says["name"] else "")
        assert http.url == says["url"]
        assert made.task.dispatch_deadline == timedelta(seconds=says["timeout"] or 0)
        assert dict(http.headers) == {
            "content-type": "application/json",
            "x-pyct-secret": "known",
            **says["headers"],
        }
        assert json.loads(http.body) == {"path": "number", "args": [], "kwargs": {"x": 1, "y": 2}}


def test_what_cannot_be_set_on_a_task_is_refused() -> None:
    task = Sent().declared(1)
    with pytest.raises(ValueError, match="queue must be the id of a queue"):
        task.queue = "a/b"
    with pytest.raises(ValueError, match="url must begin with http"):
        task.url = "ftp://x"
    with pytest.raises(ValueError, match="timeout must be from 15 seconds to 30 minutes, not inf"):
        task.timeout = float("inf")
    with pytest.raises(ValueError, match="timeout must be from 15 seconds to 30 minutes, not nan"):
        task.timeout = float("nan")
    for headers, text in (({"Host": "x"}, "drops the header 'host'"), ({"a": "b\n"}, "printable"), ({"a": 3}, "str")):
        task.headers = headers
        with pytest.raises((ValueError, TypeError), match=text):
            task.sync_push()
    task.headers = {}
    for name in ("a b", "", "a" * 501, "queues/default/tasks/a", "\ud800", f"{LOCATION}/queues/default/tasks/é"):
        with pytest.raises(ValueError, match=r"^name "):
            task.name = name
    with pytest.raises(TypeError, match=r"^name must be a string, not 3$"):
        task.name = 3
    assert task.name is None


@pytest.mark.parametrize("eager", [None, "remote", "immediate"])
def test_what_cannot_be_pushed_is_refused_eagerly_too(eager: Any) -> None:
    ran: list[int] = []

    def take(x: int) -> None:
        ran.append(x)

    task = Sent(take, eager=eager).declared(1)
    task.name = f"{LOCATION}/queues/other/tasks/a"
    with pytest.raises(ValueError, match=r"^name '.*' is that of a task of another queue than .*/queues/default$"):
        task.sync_push()
    task.name = None
    task.headers["Host"] = "x"
    with pytest.raises(ValueError, match="drops the header 'host'"):
        task.sync_push()
    assert ran == []


def test_a_name_may_be_the_full_one() -> None:
    sent = Sent()
    task = sent.declared(1)
    task.name = f"{LOCATION}/queues/default/tasks/first"
    task.sync_push()
    assert sent.last.task.name == task.name


@pytest.mark.parametrize("name", ["first", f"{LOCATION}/queues/default/tasks/first", None])
def test_a_forced_queue_takes_the_place_of_all_others(name: str | None) -> None:
    sent = Sent(force_to_queue="forced", options={"queue": "fast"})
    task = sent.declared(1)
    task.name = name
    task.sync_push()
    assert sent.last.parent == f"{LOCATION}/queues/forced"
    assert sent.last.task.name == (f"{LOCATION}/queues/forced/tasks/first" if name else "")


async def test_a_name_is_accepted_once() -> None:
    shop = Shop()
    declared = shop.client.task(name="number")(number)
    task = declared(1)
    task.name = "welcome-1"
    assert await task.push() == f"{LOCATION}/queues/default/tasks/welcome-1"
    with pytest.raises(AlreadyExists):
        await task.push()
    with pytest.raises(AlreadyExists):
        await asyncio.to_thread(task.sync_push)


def due(at: Any, **settings: Any) -> datetime:
    sent = Sent(**settings)
    sent.declared(1).sync_push(at=at)
    found: Any = sent.last.task.schedule_time
    return datetime.fromtimestamp(found.timestamp(), UTC)


def naive(text: str) -> datetime:
    return datetime.fromisoformat(text)


# In Sydney the clocks go back on the first Sunday in April, and forward on the first Sunday in October.
SYDNEY = ZoneInfo("Australia/Sydney")


def test_a_task_is_due_at_the_time_that_is_given() -> None:
    soon = datetime.now(UTC).replace(microsecond=123_000) + timedelta(hours=1)
    assert due(soon) == soon
    assert due(soon.astimezone(SYDNEY)) == soon
    assert due(soon.replace(tzinfo=None)) == soon
    assert due(soon.astimezone(SYDNEY).replace(tzinfo=None), timezone="Australia/Sydney") == soon
    assert due(soon.astimezone(SYDNEY).replace(tzinfo=None), timezone=SYDNEY) == soon
    assert due(naive("2020-01-01")) == datetime(2020, 1, 1, tzinfo=UTC)


def test_an_hour_that_comes_twice_means_its_first_occurrence_unless_it_says_fold() -> None:
    twice = naive("2025-04-06T02:30")
    assert due(twice, timezone=SYDNEY) == datetime(2025, 4, 5, 15, 30, tzinfo=UTC)
    assert due(twice.replace(fold=1), timezone=SYDNEY) == datetime(2025, 4, 5, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize("eager", [None, "immediate", "remote"])
@pytest.mark.parametrize("fold", [0, 1])
def test_a_time_that_the_clocks_skip_is_refused(eager: Any, fold: int) -> None:
    sent = Sent(timezone=SYDNEY, eager=eager)
    at = naive("2025-10-05T02:30").replace(fold=fold)
    with pytest.raises(
        ValueError, match=r"^at=2025-10-05 02:30:00 does not exist in Australia/Sydney: the clocks skip"
    ):
        sent.declared(1).sync_push(at=at)
    assert sent.google.requests == []


def test_a_time_that_no_task_can_have_is_refused() -> None:
    late = datetime.now(UTC) + timedelta(days=30, minutes=1)
    with pytest.raises(ValueError, match="is more than 30 days ahead"):
        due(late)
    with pytest.raises(ValueError, match="is no time that a task can have"):
        due(naive("9999-12-31T23:30"), timezone=ZoneInfo("America/New_York"))
    for at in (3600, "tomorrow", late.date()):
        with pytest.raises(TypeError, match="at must be a datetime, not "):
            due(at)


def test_what_must_lie_in_the_future_must_do_so_when_the_task_is_due() -> None:
    def remind(when: FutureDatetime, *days: FutureDate, **more: FutureDate) -> None: ...

    sent = Sent(remind)
    now = datetime.now(UTC)
    soon, later = now + timedelta(hours=1), now + timedelta(days=9)
    task = sent.declared(later, later.date(), more=later.date())
    task.sync_push(at=soon)
    task.sync_push()
    for task, name in (
        (sent.declared(soon, later.date()), "when"),
        (sent.declared(later, (now + timedelta(days=2)).date()), "days"),
        (sent.declared(later, more=(now + timedelta(days=2)).date()), "more"),
    ):
        with pytest.raises(WrongTypeError, match=rf"^{name}: .* lies in the future now, but not when the task is due"):
            task.sync_push(at=now + timedelta(days=3))
    assert len(sent.google.requests) == 2


@pytest.mark.parametrize("eager", [None, "remote", "immediate"])
def test_a_task_that_is_too_large_is_refused(eager: Any) -> None:
    def take(text: str) -> None: ...

    sent = Sent(take, eager=eager)
    if eager is None:
        sent.declared("x" * (LARGEST - 400)).sync_push()
        with pytest.raises(ValueError, match=r"^the task has \d+ bytes"):
            sent.declared("x" * (LARGEST - 100)).sync_push()
    with pytest.raises(ValueError, match=r"^the task has \d+ bytes, and the service takes 1048569 at most"):
        sent.declared("x" * LARGEST).sync_push()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"client": Mock(spec=CloudTasksAsyncClient)}, "client must be a CloudTasksClient, for sync_push"),
        ({"client": FakeClient}, "client must be a CloudTasksClient, for sync_push"),
        ({"async_client": FakeClient()}, "async_client must be a CloudTasksAsyncClient, or a factory of one"),
        ({"async_client": Mock(spec=CloudTasksClient)}, "async_client must be a CloudTasksAsyncClient, or a factory"),
    ],
)
def test_a_client_of_the_wrong_kind_is_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        make_client(**settings)


async def test_a_factory_is_called_once_a_loop_and_must_return_a_client() -> None:
    made: list[FakeAsyncClient] = []

    def factory() -> FakeAsyncClient:
        made.append(FakeAsyncClient())
        return made[-1]

    task = make_client(async_client=factory).task(name="number")(number)(1)
    await asyncio.gather(task.push(), task.push())
    await asyncio.to_thread(asyncio.run, task.push())
    assert [len(client.requests) for client in made] == [2, 1]
    wrong: Any = FakeClient
    with pytest.raises(TypeError, match="the client factory returned a FakeClient, not a CloudTasksAsyncClient"):
        await make_client(async_client=wrong).task(name="number")(number)(1).push()


async def test_mocks_of_clients_are_used_as_given() -> None:
    google = Mock(spec=CloudTasksClient)
    google.create_task.return_value = GoogleTask(name="made")
    async_google = AsyncMock(spec=CloudTasksAsyncClient)
    async_google.create_task.return_value = None
    task = make_client(client=google, async_client=async_google).task(name="number")(number)(1)
    assert task.sync_push() == "made"
    assert await task.push() is None
    for mock in (google, async_google):
        ((_, called),) = mock.create_task.call_args_list
        assert called.keys() == {"request", "timeout"}
        assert json.loads(called["request"].task.http_request.body)["path"] == "number"

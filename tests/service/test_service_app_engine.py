"""App Engine tasks from the call to the app, in each of the ways in which the service can be had."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition, InvalidArgument
from google.cloud.tasks_v2 import AppEngineHttpRequest, AppEngineRouting, HttpMethod, Task

from gcptasks.base.events import AttemptFailed
from service.service_world import WAYS, Api, Place, Received, Refusal, Way, Worker

USER_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"
NO_ADDRESS = Refusal(
    FailedPrecondition,
    "The local service does not know where the App Engine app is: "
    "set --app-engine or APP_ENGINE_EMULATOR_HOST to its address, such as http://localhost:8080.",
)

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=list(WAYS))
def app_engine_way(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker: Worker
) -> Iterator[Way]:
    """A service that knows where the app is."""
    with WAYS[request.param](tmp_path_factory.mktemp("service") / "tasks.db", worker.address) as opened:
        yield opened


@pytest.fixture
def gae(app_engine_way: Way) -> Api:
    return Api(*app_engine_way, f"projects/shop{next(_numbers)}/locations/l")


def host_of(api: Api) -> str:
    return f"{api.parent.split('/')[1]}.l.r.appspot.com"


def create(api: Api, queue: str, *, view: int = 0, task: dict[str, Any] | None = None, **request: Any) -> Any:
    task = {**(task or {}), "app_engine_http_request": request}
    return api.call("create_task", parent=queue, task=task, response_view=view)


def path_of(place: Place, worker: Worker) -> str:
    return place.url.removeprefix(worker.address)


def own_headers(request: Received) -> dict[str, str]:
    return {name: value for name, value in request.headers if name.lower().startswith("x-appengine-")}


def test_a_task_with_nothing_in_it_is_filled_in(gae: Api) -> None:
    """CT-106, CT-118, CT-119, CT-122, CT-123."""
    task = create(gae, gae.paused())
    assert task == Task(
        name=task.name,
        app_engine_http_request=AppEngineHttpRequest(
            relative_uri="/",
            http_method=HttpMethod.POST,
            app_engine_routing=AppEngineRouting(host=host_of(gae)),
            headers={"User-Agent": USER_AGENT},
        ),
        schedule_time=task.schedule_time,
        create_time=task.create_time,
        view=Task.View.BASIC,
    )
    assert gae.get(task.name) == task


def test_a_task_comes_back_as_it_was_set(gae: Api) -> None:
    """CT-122, CT-123, CT-125, CT-194."""
    queue = gae.paused()
    task = create(
        gae,
        queue,
        view=2,
        task={"name": f"{queue}/tasks/t", "dispatch_deadline": timedelta(hours=24)},
        relative_uri="/a?b=c",
        http_method="PUT",
        app_engine_routing={"service": "s", "version": "v", "instance": "0", "host": "mine"},
        headers={"x-One": "1", "User-Agent": "mine", "X-AppEngine-TaskName": "spoofed"},
        body=b"\0body",
    )
    kept = AppEngineHttpRequest(
        relative_uri="/a?b=c",
        http_method=HttpMethod.PUT,
        app_engine_routing={"service": "s", "version": "v", "instance": "0", "host": f"0.v.s.{host_of(gae)}"},
        headers={
            "x-One": "1",
            "User-Agent": f"mine {USER_AGENT}",
            "Content-Length": "5",
            "Content-Type": "application/octet-stream",
        },
        body=b"\0body",
    )
    assert (task.app_engine_http_request, task.dispatch_deadline) == (kept, timedelta(hours=24))
    assert gae.get(task.name, view=2) == task
    kept.body = b""
    assert gae.get(task.name).app_engine_http_request == kept
    assert [listed.app_engine_http_request for listed in gae.call("list_tasks", parent=queue).tasks] == [kept]


def test_the_app_is_sent_what_app_engine_would_send(gae: Api, place: Place, worker: Worker) -> None:
    """CT-190, CT-191, CT-L8, which is why it comes from here (CT-198)."""
    due = datetime.now(UTC).replace(microsecond=120_000) + timedelta(days=1)
    task = create(
        gae,
        gae.queue().name,
        task={"schedule_time": due},
        relative_uri=f"{path_of(place, worker)}?a=b",
        app_engine_routing={"service": "s"},
        headers={"X-Mine": "1", "Content-Type": "text/plain"},
        body=b"hello",
    )
    gae.call("run_task", name=task.name)
    request = place.received()
    gae.finished(task.name)
    assert (request.method, request.path, request.body) == ("POST", f"{path_of(place, worker)}?a=b", b"hello")
    assert {name: request.header(name) for name in ("Host", "User-Agent", "X-Mine", "Content-Type")} == {
        "Host": f"s.{host_of(gae)}",
        "User-Agent": USER_AGENT,
        "X-Mine": "1",
        "Content-Type": "text/plain",
    }
    assert request.header("Content-Length") == "5"
    assert own_headers(request) == {
        "X-AppEngine-QueueName": "q",
        "X-AppEngine-TaskName": task.name.rpartition("/")[2],
        "X-AppEngine-TaskRetryCount": "0",
        "X-AppEngine-TaskExecutionCount": "0",
        "X-AppEngine-TaskETA": f"{int(due.timestamp())}.12",
    }
    assert not [name for name, _ in request.headers if name.lower().startswith("x-cloudtasks-")]


def test_an_app_may_have_a_day_for_an_attempt(gae: Api) -> None:
    """CT-098: and a quarter of a minute at least."""
    queue = gae.paused()
    least, most, a_moment = timedelta(seconds=15), timedelta(hours=24, seconds=15), timedelta(microseconds=1)
    for deadline in (least, most):
        assert create(gae, queue, task={"dispatch_deadline": deadline}).dispatch_deadline == deadline
    for deadline in (least - a_moment, most + a_moment):
        refused: dict[str, Any] = {"app_engine_http_request": {}, "dispatch_deadline": deadline}
        assert gae.refusal("create_task", parent=queue, task=refused) == Refusal(
            InvalidArgument, "Task.dispatchDeadline must be between [15s, 24h15s]."
        )


def test_a_task_for_an_app_may_be_as_large_as_another(gae: Api) -> None:
    """CT-102."""
    queue = gae.paused()
    task = create(gae, queue, body=bytes(1_048_000), view=2)
    assert len(task.app_engine_http_request.body) == 1_048_000
    too_large = {"app_engine_http_request": {"body": bytes(1_048_569)}}
    assert gae.refusal("create_task", parent=queue, task=too_large) == Refusal(InvalidArgument, "Task size too large")


def test_a_large_body_arrives(gae: Api, place: Place, worker: Worker) -> None:
    body = bytes(range(256)) * 1000
    task = create(gae, gae.queue().name, relative_uri=path_of(place, worker), body=body)
    request = place.received()
    gae.finished(task.name)
    assert (request.body, request.header("Content-Length")) == (body, "256000")


def test_retries_tell_of_every_response(gae: Api, place: Place, worker: Worker) -> None:
    """CT-192, CT-193, CT-196: a redirect is a response like any other."""
    place.answers(503, 404, 429, 500)
    place.answers(302, Location="/elsewhere")
    retry = {"min_backoff": timedelta(seconds=0.001), "max_backoff": timedelta(seconds=0.001)}
    task = create(gae, gae.queue(retry_config=retry).name, relative_uri=path_of(place, worker))
    gae.finished(task.name)
    seen = [own_headers(place.received()) for _ in range(6)]
    assert [request["X-AppEngine-TaskRetryCount"] for request in seen] == ["0", "1", "2", "3", "4", "5"]
    assert [request["X-AppEngine-TaskExecutionCount"] for request in seen] == ["0", "1", "2", "3", "4", "5"]
    told = [request.get("X-AppEngine-TaskPreviousResponse") for request in seen]
    assert told == [None, "503", "404", "429", "500", "302"]
    assert [request.get("X-AppEngine-TaskRetryReason") for request in seen] == [None, *["App Error"] * 5]
    assert place.idle


def test_a_failed_attempt_is_shown(gae: Api, place: Place, worker: Worker) -> None:
    """CT-192: the documented sense of `response_count`, which HTTP tasks do not keep to (CT-184)."""
    place.answers(500)
    task = create(gae, gae.paused(), relative_uri=path_of(place, worker))
    gae.call("run_task", name=task.name)
    failed = gae.failed(task.name)
    assert (failed.dispatch_count, failed.response_count) == (1, 1)
    assert failed.last_attempt.response_status.message == "INTERNAL(13): HTTP status code 500"


def test_the_routing_of_a_queue_replaces_that_of_its_tasks(gae: Api, place: Place, worker: Worker) -> None:
    """CT-047, CT-190: the tasks are stored as they were sent; HTTP tasks go where their URL leads."""
    queue = gae.queue(app_engine_routing_override={"service": "other", "version": "v2"})
    host = f"v2.other.{host_of(gae)}"
    assert queue.app_engine_routing_override == AppEngineRouting(service="other", version="v2", host=host)
    for read in ("pause_queue", "purge_queue", "resume_queue", "get_queue"):
        assert gae.call(read, name=queue.name).app_engine_routing_override == queue.app_engine_routing_override
    task = create(gae, queue.name, relative_uri=path_of(place, worker), app_engine_routing={"service": "s"})
    assert task.app_engine_http_request.app_engine_routing.host == f"s.{host_of(gae)}"
    assert place.received().header("Host") == host
    gae.task(queue.name, url=place.url)
    assert place.received().header("Host") == worker.address.removeprefix("http://")


def test_a_queue_without_routing_shows_none(gae: Api) -> None:
    """CT-243."""
    assert "app_engine_routing_override" not in gae.queue()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"relative_uri": "a"}, "AppEngineHttpRequest.relative_uri must start with '/'."),
        (
            {"http_method": "PATCH", "body": b"x"},
            "AppEngineHttpRequest.body can only be set if the http_method is POST or PUT.",
        ),
    ],
    ids=["CT-106", "CT-104"],
)
def test_what_no_app_can_be_sent_is_refused(gae: Api, request_: dict[str, Any], message: str) -> None:
    queue = gae.paused()
    task = {"app_engine_http_request": request_}
    assert gae.refusal("create_task", parent=queue, task=task) == Refusal(InvalidArgument, message)
    assert list(gae.call("list_tasks", parent=queue).tasks) == []


def test_a_queue_whose_routing_is_no_part_of_a_host_is_refused(gae: Api) -> None:
    message = (
        "AppEngineRouting.service can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-), "
        "and at most 100 of them, not 'a/b'."
    )
    queue = {"name": gae.name(), "app_engine_routing_override": {"service": "a/b"}}
    assert gae.refusal("create_queue", parent=gae.parent, queue=queue) == Refusal(InvalidArgument, message)


def test_a_task_is_either_for_app_engine_or_for_a_url(gae: Api) -> None:
    """One oneof: the last that is set counts."""
    task = Task(app_engine_http_request={"relative_uri": "/a"}, http_request={"url": "http://worker.test/"})
    made = gae.call("create_task", parent=gae.paused(), task=task)
    assert "app_engine_http_request" not in made
    assert made.http_request.url == "http://worker.test/"


def test_a_batch_has_app_engine_tasks_too(gae: Api) -> None:
    if not hasattr(gae.client, "batch_create_tasks"):
        pytest.skip("this google-cloud-tasks has no such call")
    queue = gae.paused()
    requests = [
        {"parent": queue, "task": {"app_engine_http_request": {"relative_uri": uri}}} for uri in ("/a", "b", "/c")
    ]
    gae.call("batch_create_tasks", parent=queue, requests=requests)
    made = gae.call("list_tasks", parent=queue).tasks
    assert [task.app_engine_http_request.relative_uri for task in made] == ["/a", "/c"]


def test_without_an_address_a_task_is_refused(api: Api) -> None:
    """CT-L8."""
    queue = api.paused()
    task: dict[str, Any] = {"app_engine_http_request": {}}
    assert api.refusal("create_task", parent=queue, task=task) == NO_ADDRESS
    assert list(api.call("list_tasks", parent=queue).tasks) == []


@pytest.mark.parametrize("size", [0, 100_000])
def test_a_task_of_before_fails_with_the_reason_while_there_is_no_address(tmp_path: Path, size: int) -> None:
    """CT-L8: and is there still."""
    path = tmp_path / "tasks.db"
    retry = {"min_backoff": timedelta(hours=1)}
    with WAYS["in process"](path, "http://localhost:1") as way:
        api = Api(*way, "projects/p/locations/l")
        task = create(api, api.paused(retry_config=retry), body=bytes(size))
    with WAYS["in process"](path) as way:
        api = Api(*way, "projects/p/locations/l")
        api.call("resume_queue", name=api.name())
        failed = api.heard.wait(AttemptFailed, task.name)
        assert (failed.status, failed.reason) == (0, NO_ADDRESS.message)
        assert api.get(task.name).response_count == 0

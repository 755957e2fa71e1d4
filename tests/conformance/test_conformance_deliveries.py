"""What a worker is sent in each situation, on a port and in the process of the service (sections 15, 16 and 20)."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import jwt
import pytest

from conformance.conformance_tasks import TaskApi
from conformance.conformance_world import APP_URL, START, TASK_QUEUES, in_process
from gcptasks.base.events import AttemptFailed
from service.service_world import Place, Received, Worker

EVERY_SECOND = {"min_backoff": timedelta(seconds=1), "max_backoff": timedelta(seconds=1), "max_attempts": -1}
DUE = START + timedelta(seconds=1, microseconds=120_000)
PREFIX = {"http": "X-CloudTasks-", "app engine": "X-AppEngine-"}
USER_AGENT = {"http": "Google-Cloud-Tasks", "app engine": "AppEngine-Google; (+http://code.google.com/appengine)"}
ACCOUNT = "nobody@no-such-project.iam.gserviceaccount.com"


class Sender:
    """The service, and a worker of one kind."""

    def __init__(self, api: TaskApi, place: Place, base: str, worker: Worker) -> None:
        self.api = api
        self.place = place
        self.path = place.url.removeprefix(worker.address)
        self.url = base + self.path

    def create(self, kind: str, queue: str, *, task: dict[str, Any] | None = None, **request: Any) -> str:
        """Make a task, due at `DUE`; its name."""
        if kind == "http":
            payload = {"http_request": {"url": self.url, **request}}
        else:
            payload = {"app_engine_http_request": {"relative_uri": self.path, **request}}
        made = {"name": f"{queue}/tasks/t", "schedule_time": DUE, **payload, **(task or {})}
        return str(self.api.call("create_task", parent=queue, task=made).name)

    def fail(self, name: str, how: str, count: int) -> list[Received]:
        """Have the attempt with that number made when it is due, and fail so; the requests that it sends."""
        late = how == "no answer in time"
        if late:
            self.place.gate.clear()
            self.api.set_deadlines(0.5)
        for status, headers in self._answers(how):
            self.place.answers(status, **headers)
        self.api.at(self.api.get(name).schedule_time)
        self.api.heard.wait(AttemptFailed, name, count)
        if late:
            self.api.set_deadlines(600)
            self.place.gate.set()
        return [self.place.received() for _ in range(2 if how == "redirected to 404" else 1)]

    def _answers(self, how: str) -> list[tuple[int, dict[str, str]]]:
        match how:
            case "no answer in time" | "connection lost":
                return [(0, {})]
            case "redirected to 404":
                return [(302, {"Location": self.path}), (404, {})]
            case "302 to elsewhere":
                return [(302, {"Location": "/elsewhere"})]
            case _:
                return [(int(how.partition(" ")[0]), {})]


@contextmanager
def sending(worker: Worker, place: Place, base: str) -> Generator[Sender]:
    with in_process(TASK_QUEUES, app=worker.app, app_engine=base) as opened:
        yield Sender(TaskApi(opened), place, base, worker)


@pytest.fixture(params=["on a port", "in process"])
def sender(request: pytest.FixtureRequest, worker: Worker, place: Place) -> Iterator[Sender]:
    with sending(worker, place, worker.address if request.param == "on a port" else APP_URL) as made:
        yield made


def own(request: Received, prefix: str) -> dict[str, str]:
    """Those of the request's headers that begin so, by the rest of their names in lower case."""
    names = [(name.lower(), value) for name, value in request.headers]
    found = [(name[len(prefix) :], value) for name, value in names if name.startswith(prefix.lower())]
    assert len(found) == len(dict(found)), found
    return dict(found)


Told = tuple[str, str, str | None, str | None]
"""Retry count, execution count, previous response and retry reason."""

FIRST: Told = ("0", "0", None, None)
STORIES: dict[str, list[tuple[str, Told]]] = {
    "http": [
        ("503", ("1", "0", "503", "")),
        ("404", ("2", "1", "404", "")),
        ("429", ("3", "2", "429", "")),
        ("no answer in time", ("4", "2", "504", "")),
        ("500", ("5", "2", "500", "")),
        ("302 without a Location", ("6", "3", "302", "")),
        ("redirected to 404", ("7", "4", "404", "")),
        ("400", ("8", "5", "400", "")),
    ],
    "app engine": [
        ("503", ("1", "1", "503", "App Error")),
        ("404", ("2", "2", "404", "App Error")),
        ("429", ("3", "3", "429", "App Error")),
        ("no answer in time", ("4", "3", "0", "Instance Unavailable")),
        ("500", ("5", "4", "500", "App Error")),
        ("302 without a Location", ("6", "5", "302", "App Error")),
        ("302 to elsewhere", ("7", "6", "302", "App Error")),
        ("400", ("8", "7", "400", "App Error")),
    ],
}
"""How an attempt ended, and what the next one tells."""


@pytest.mark.parametrize("kind", list(STORIES))
def test_each_request_tells_how_it_went_so_far(sender: Sender, kind: str) -> None:
    """CT-162 to CT-169, CT-178, CT-188, CT-191 to CT-193, CT-196."""
    api, story = sender.api, STORIES[kind]
    name = sender.create(kind, api.queue(retry_config=EVERY_SECOND).name, body=b"x")
    due, told = DUE, FIRST
    for count, (how, following) in enumerate([*story, ("200", FIRST)], 1):
        if how == "200":
            api.at(due)
            requests = [sender.place.received()]
            api.finished(name)
        else:
            requests = sender.fail(name, how, count)
        for request in requests:
            expected = dict(zip(("retrycount", "executioncount", "previousresponse", "retryreason"), told, strict=True))
            eta = f"{due.timestamp():.6f}".rstrip("0")
            given = {f"task{key}": value for key, value in expected.items() if value is not None}
            assert own(request, PREFIX[kind]) == {"queuename": "q", "taskname": "t", "tasketa": eta, **given}
            assert request.header("User-Agent") == USER_AGENT[kind]
        assert [request.method for request in requests] == ["POST", "GET"][: len(requests)]
        assert [request.body for request in requests] == [b"x", b""][: len(requests)]
        if how != "200":
            due, told = api.get(name).schedule_time, following
    assert sender.place.idle


@pytest.mark.parametrize(
    ("kind", "told"), [("http", ("1", "0", "504", "")), ("app engine", ("1", "0", "0", "Instance Unavailable"))]
)
def test_a_connection_that_is_lost_is_no_answer(worker: Worker, place: Place, kind: str, told: Told) -> None:
    """CT-168, CT-193: as none in time is."""
    with sending(worker, place, worker.address) as sender:
        name = sender.create(kind, sender.api.queue(retry_config=EVERY_SECOND).name)
        sender.fail(name, "connection lost", 1)
        sender.api.pass_time(1)
        sent = own(place.received(), PREFIX[kind])
        sender.api.finished(name)
    keys = ("taskretrycount", "taskexecutioncount", "taskpreviousresponse", "taskretryreason")
    assert tuple(sent[key] for key in keys) == told


@pytest.mark.parametrize("kind", list(STORIES))
def test_run_task_tells_the_time_for_which_the_attempt_was_scheduled(sender: Sender, kind: str) -> None:
    """CT-155, CT-169, CT-297: that of the task at first, and that of the retry then."""
    api = sender.api
    queue = api.paused(retry_config=EVERY_SECOND)
    name = sender.create(kind, queue)
    for count, due in enumerate((DUE, START + timedelta(seconds=1))):
        sender.place.answers(500)
        assert api.call("run_task", name=name).schedule_time == due
        sent = own(sender.place.received(), PREFIX[kind])
        assert (sent["tasketa"], sent["taskretrycount"]) == (f"{due.timestamp():.2f}".removesuffix(".00"), str(count))
        assert ("taskpreviousresponse" in sent) is bool(count)
        assert api.failed(name, count + 1).schedule_time == START + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("kind", "status", "counts"),
    [
        ("http", 429, True),
        ("http", 503, True),
        ("http", 500, False),
        ("http", 302, False),
        ("app engine", 503, True),
        ("app engine", 429, False),
    ],
)
@pytest.mark.parametrize("asked", ["3600", (START + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT"), "0"])
def test_a_worker_may_ask_to_be_left_alone(sender: Sender, kind: str, status: int, counts: bool, asked: str) -> None:
    """CT-180 and CT-195 with CT-L7: after some statuses, if it asks for longer than the retry config has it."""
    api = sender.api
    sender.place.answers(status, **{"Retry-After": asked})
    name = sender.create(kind, api.paused(retry_config=EVERY_SECOND))
    api.call("run_task", name=name)
    wait = timedelta(hours=1) if counts and asked != "0" else timedelta(seconds=1)
    assert api.failed(name).schedule_time == START + wait


DROPPED = [
    "host",
    "CONTENT-LENGTH",
    "Connection",
    "Keep-Alive",
    "Proxy-Authorization",
    "proxy-connection",
    "TE",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "accept-encoding",
    "X-Forwarded-For",
    "from",
    "x-google",
    "X-Google-Mine",
    "x-APPENGINE-TaskName",
    "X-AppEngine-Mine",
]
PASSED = {
    "Trailer": "a",
    "X-Forwarded-Proto": "b",
    "x-goog-mine": "c",
    "content-TYPE": "text/x",
    "Authorization": "Basic YTpi",
}


@pytest.mark.parametrize("kind", list(STORIES))
def test_of_the_callers_headers_those_arrive_that_are_the_callers(sender: Sender, kind: str) -> None:
    """CT-171, CT-173, CT-194, CT-249, CT-174 with CT-L20: no other header is there."""
    api = sender.api
    headers = {**dict.fromkeys(DROPPED, "mine"), **PASSED, "User-agent": "mine"}
    name = sender.create(kind, api.queue().name, headers=headers, body=b"hello")
    api.at(DUE)
    request = sender.place.received()
    api.finished(name)
    assert {key: request.header(key) for key in PASSED} == PASSED
    assert request.header("Content-Length") == "5"
    assert request.header("User-Agent") == ("" if kind == "http" else "mine ") + USER_AGENT[kind]
    ours = {
        "host",
        "content-length",
        "user-agent",
        *(f"{PREFIX[kind]}{key}".lower() for key in own(request, PREFIX[kind])),
    }
    assert {key.lower() for key, _ in request.headers} == ours | {key.lower() for key in PASSED}
    assert "mine" not in [value for _, value in request.headers]


@pytest.mark.parametrize("spelled", ["X-CloudTasks-", "x-cloudtasks-", "X-CLOUDTASKS-"])
def test_what_a_caller_says_of_attempts_is_replaced(sender: Sender, spelled: str) -> None:
    """CT-124, CT-170: each of them once, and none that are not the service's; the task shows the caller's."""
    api = sender.api
    names = ["QueueName", "TaskName", "TaskRetryCount", "TaskExecutionCount", "TaskETA", "TaskPreviousResponse", "Mine"]
    spoofed = {spelled + name: "spoofed" for name in names}
    name = sender.create("http", api.queue().name, headers=spoofed)
    assert spoofed.items() <= dict(api.get(name).http_request.headers).items()
    api.at(DUE)
    sent = own(sender.place.received(), "X-CloudTasks-")
    assert sent == {
        "queuename": "q",
        "taskname": "t",
        "taskretrycount": "0",
        "taskexecutioncount": "0",
        "tasketa": f"{DUE.timestamp():.2f}",
    }
    api.finished(name)


@pytest.mark.parametrize("spelled", ["Authorization", "authorization", "AUTHORIZATION"])
def test_a_token_takes_the_place_of_what_the_caller_authorizes_with(sender: Sender, spelled: str) -> None:
    """CT-172, CT-232, CT-233, CT-235: signed when it is sent, for whichever account (CT-108, CT-109, CT-237, CT-L2)."""
    api = sender.api
    token = {"service_account_email": ACCOUNT}
    name = sender.create("http", api.queue().name, headers={spelled: "mine"}, oidc_token=token)
    stored = api.get(name).http_request
    assert (stored.headers[spelled], stored.oidc_token.audience) == ("mine", sender.url)
    before = int(time.time())
    api.at(DUE)
    (header,) = sender.place.received().all("Authorization")
    api.finished(name)
    text = header.removeprefix("Bearer ")
    claims = jwt.decode(text, options={"verify_signature": False})
    head = jwt.get_unverified_header(text)
    assert (head["alg"], head["typ"], set(head)) == ("RS256", "JWT", {"alg", "typ", "kid"})
    assert set(claims) == {"iss", "aud", "azp", "sub", "email", "email_verified", "iat", "exp"}
    assert (claims["aud"], claims["email"], claims["email_verified"]) == (sender.url, ACCOUNT, True)
    assert claims["azp"] == claims["sub"]
    assert before <= claims["iat"] == claims["exp"] - 3600

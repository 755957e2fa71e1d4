"""Whatever is asked is answered or refused; nothing makes the service fail."""

import asyncio
import math
from random import Random
from typing import Any

import pytest
from google.api_core.exceptions import GoogleAPICallError, InternalServerError
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.errors import InvalidArgument, ServiceError
from gcptasks.base.events import Events
from gcptasks.client import inprocess
from gcptasks.client.api import TASKS
from gcptasks.service import served
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from gcptasks.wire.google_errors import as_google
from runtime.runtime_doubles import ManualClock
from service.any_message import any_bytes
from service.service_world import Api, Heard

PARENT = "projects/p/locations/l"
QUEUE = f"{PARENT}/queues/q"

INT32 = st.sampled_from([0, 1, -1, 2, 100, 5001, 2**31 - 1, -(2**31)]) | st.integers(-(2**31), 2**31 - 1)
NANOS = st.sampled_from([0, 1, -1, 999_999_999, -999_999_999, 2**31 - 1, -(2**31)])
SECONDS = st.sampled_from([0, 1, -1, 15, 1800, 4_102_444_800, 253_402_300_800, -62_135_596_801, 2**63 - 1, -(2**63)])
TEXT = st.sampled_from(["", "ü", "\0", "a\0b", "a\r\nb", "%", "/", "..", "😀", "x" * 3000]) | st.text(max_size=20)
RATE = st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 1e-320, 500.0, 1e308])
TIME = st.fixed_dictionaries({"seconds": SECONDS, "nanos": NANOS})


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A message with any of these members."""
    return st.fixed_dictionaries({}, optional=fields)


RETRY = _some(max_attempts=INT32, max_doublings=INT32, max_retry_duration=TIME, min_backoff=TIME, max_backoff=TIME)
QUEUE_NAME = st.sampled_from([QUEUE, QUEUE, f"{PARENT}/queues/none", QUEUE + "\n", f"{QUEUE}/"]) | TEXT
TASK_NAME = st.integers(-1, 2**70).map(lambda number: f"{QUEUE}/tasks/{number}") | TEXT.map(
    lambda text: f"{QUEUE}/tasks/{text}"
)
TOKEN = _some(service_account_email=st.just("a@b.example") | TEXT, audience=TEXT)
HTTP = _some(
    url=st.sampled_from(["http://w.test/", "http://[::1", "https://a.googleapis.com/", "http://a:b@c:99999/"]) | TEXT,
    http_method=INT32,
    headers=st.dictionaries(TEXT, TEXT, max_size=3),
    body=st.binary(max_size=5),
    oidc_token=TOKEN,
)
ROUTING = _some(service=TEXT, version=st.just("v1") | TEXT, instance=TEXT, host=TEXT)
APP_ENGINE = _some(
    relative_uri=st.sampled_from(["/", "/a?b#c", "//[::1", "/%zz"]) | TEXT,
    http_method=INT32,
    headers=st.dictionaries(TEXT | st.sampled_from(["user-agent", "Content-Type"]), TEXT, max_size=3),
    body=st.binary(max_size=5),
    app_engine_routing=ROUTING,
)
TASK_FIELDS = {"name": TASK_NAME, "schedule_time": TIME, "dispatch_deadline": TIME, "retry_config": RETRY}
TASK = _some(http_request=HTTP, **TASK_FIELDS) | _some(app_engine_http_request=APP_ENGINE, **TASK_FIELDS)
NEW_QUEUE = _some(
    name=QUEUE_NAME,
    rate_limits=_some(max_dispatches_per_second=RATE, max_concurrent_dispatches=INT32),
    retry_config=RETRY,
    stackdriver_logging_config=_some(sampling_ratio=RATE),
    app_engine_routing_override=ROUTING,
    http_target=_some(
        uri_override=_some(
            scheme=INT32,
            host=st.just("w.test") | TEXT,
            port=SECONDS,
            path_override=_some(path=TEXT),
            query_override=_some(query_params=TEXT),
            uri_override_enforce_mode=INT32,
        ),
        http_method=INT32,
        header_overrides=st.lists(_some(header=_some(key=st.just("X-A") | TEXT, value=TEXT)), max_size=3),
        oidc_token=TOKEN,
    ),
)
PATH = st.sampled_from(
    [
        "name",
        "state",
        "purge_time.nanos",
        "rate_limits",
        "rate_limits.max_dispatches_per_second",
        "retry_config",
        "retry_config.max_backoff.seconds",
        "stackdriver_logging_config.sampling_ratio",
        "app_engine_routing_override",
        "app_engine_routing_override.instance",
        "http_target",
        "http_target.uri_override.host",
        "http_target.header_overrides",
        "http_target.oidc_token.service_account_email",
        "*",
    ]
)
PAGE = {"page_size": INT32, "page_token": TEXT}
REQUESTS = st.one_of(
    st.tuples(st.just("create_queue"), _some(parent=st.just(PARENT) | TEXT, queue=NEW_QUEUE)),
    st.tuples(
        st.just("update_queue"),
        _some(queue=NEW_QUEUE, update_mask=st.lists(PATH, max_size=3).map(lambda paths: {"paths": paths})),
    ),
    st.tuples(
        st.just("list_queues"),
        _some(parent=st.just(PARENT) | TEXT, filter=st.sampled_from(["state: RUNNING", "("]) | TEXT, **PAGE),
    ),
    st.tuples(st.sampled_from(["get_queue", "pause_queue", "purge_queue"]), _some(name=QUEUE_NAME)),
    st.tuples(st.just("create_task"), _some(parent=QUEUE_NAME, task=TASK, response_view=INT32)),
    st.tuples(st.just("list_tasks"), _some(parent=QUEUE_NAME, response_view=INT32, **PAGE)),
    st.tuples(st.sampled_from(["get_task", "run_task", "delete_task"]), _some(name=TASK_NAME)),
    st.tuples(st.just("list_locations"), _some(name=st.just("projects/p") | TEXT, **PAGE)),
    st.tuples(st.just("get_location"), _some(name=st.just(PARENT) | TEXT)),
)


@given(st.lists(REQUESTS, max_size=8), st.sampled_from([None, "http://localhost:8080"]))
def test_any_request_is_answered_or_refused(requests: list[tuple[str, dict[str, Any]]], app_engine: str | None) -> None:
    store = Store(parse_database("memory:"), Events())
    calls = Calls(store, ManualClock(), Policy(app_engine=app_engine))
    api = Api(inprocess.client(TASKS, calls), Heard(), PARENT)
    api.paused()
    refusals: list[GoogleAPICallError] = []
    for method, request in requests:
        try:
            api.call(method, **request)
        except GoogleAPICallError as error:
            refusals.append(error)
    assert [error for error in refusals if isinstance(error, InternalServerError) or not error.message] == []


@pytest.mark.parametrize("path", served.METHODS)
@pytest.mark.parametrize(
    "sent", [pytest.param(b"\xff\xff", id="no protobuf"), pytest.param(b"\x0a\x01\xff", id="no UTF-8")]
)
async def test_bytes_that_are_no_message_are_refused_as_the_callers_fault(path: str, sent: bytes) -> None:
    calls = Calls(Store(parse_database("memory:"), Events()), ManualClock(), Policy())
    with pytest.raises(InvalidArgument, match=r"The request is not a [A-Za-z]+Request message\."):
        await calls.handle(path, sent)


CREATE = [path for path, method in served.METHODS.items() if method.name in ("CreateQueue", "CreateTask", "CreateJob")]


def _unanswered(path: str, count: int) -> list[str]:
    """What of so many random requests to that method is neither answered nor refused for a reason that is told."""
    random, failed = Random(path), list[str]()
    kind = served.METHODS[path].request
    store = Store(parse_database("memory:"), Events())
    policies = [Policy(), Policy(app_engine="http://localhost:8080", create_queues=True, run_paused_jobs=True)]
    services = [Calls(store, ManualClock(), policy) for policy in policies]
    loop = asyncio.new_event_loop()
    try:
        for _ in range(count):
            create = random.choice(CREATE)  # so that there is something to find
            _call(loop, services[1], create, any_bytes(served.METHODS[create].request, random))
            sent = any_bytes(kind, random)
            if trouble := _call(loop, random.choice(services), path, sent):
                failed.append(f"{trouble} of {sent!r}")
    finally:
        loop.close()
        store.close()
    return failed


def _call(loop: asyncio.AbstractEventLoop, calls: Calls, path: str, sent: bytes) -> str:
    try:
        answer = loop.run_until_complete(calls.handle(path, sent))
        # What was accepted over gRPC is shown over REST as well.
        json_format.MessageToDict(served.METHODS[path].response.FromString(answer))
    except ServiceError as error:
        told = as_google(error)
        return "" if told.message and not isinstance(told, InternalServerError) else repr(told)
    except Exception as error:
        return repr(error)
    return ""


@pytest.mark.parametrize("path", served.METHODS)
def test_random_messages_are_answered_or_refused(path: str) -> None:
    assert _unanswered(path, 150) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", served.METHODS)
def test_6000_random_messages_are_answered_or_refused(path: str) -> None:
    assert _unanswered(path, 6000) == []

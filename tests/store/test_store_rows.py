"""What is kept of tasks and queues comes back as it was."""

from dataclasses import replace
from datetime import UTC, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.events import Events
from gcptasks.base.names import TaskName
from gcptasks.engine.model import (
    AppEngineRequest,
    AppEngineRouting,
    HttpRequest,
    OAuthToken,
    OidcToken,
    Queue,
    QueueState,
    RateLimits,
    RetryConfig,
    Task,
)
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx
from store.store_verbs import QUEUE, all_tasks

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
TIME = st.datetimes(timezones=st.just(UTC))
HEADERS = st.dictionaries(TEXT, TEXT, max_size=3)
BODY = st.binary(max_size=10)
COUNT = st.integers(0, 2**31 - 1)
SPAN_NS = st.integers(0, 2**63 - 1)
METHOD = st.sampled_from(["POST", "PUT"])
TOKEN = st.one_of(
    st.builds(OidcToken, service_account_email=TEXT, audience=TEXT),
    st.builds(OAuthToken, service_account_email=TEXT, scope=TEXT),
)
ROUTING = st.builds(AppEngineRouting, service=TEXT, version=TEXT, instance=TEXT)
REQUEST = st.one_of(
    st.builds(HttpRequest, url=TEXT, method=METHOD, headers=HEADERS, body=BODY, token=st.none() | TOKEN),
    st.builds(AppEngineRequest, relative_uri=TEXT, method=METHOD, routing=ROUTING, headers=HEADERS, body=BODY),
)
RETRY = st.builds(
    RetryConfig,
    max_attempts=COUNT,
    max_retry_duration_ns=SPAN_NS,
    min_backoff_ns=SPAN_NS,
    max_backoff_ns=SPAN_NS,
    max_doublings=COUNT,
)
SPAN = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2))


def add(tx: Tx, task: Task) -> Task:
    """Add the task under a name that it is given; it, as it is then."""
    tx.queues.insert(Queue(name=QUEUE))
    queue = tx.queues.find(QUEUE)
    assert queue is not None
    number = tx.tasks.new_number()
    named = replace(task, name=tx.tasks.made_name(queue, number))
    tx.tasks.insert(queue, number, named, named=False)
    return named


def change(tx: Tx, queue: Queue) -> None:
    tx.queues.insert(Queue(name=QUEUE))
    tx.queues.save(queue)


def found(tx: Tx) -> Queue:
    stored = tx.queues.find(QUEUE)
    assert stored is not None
    return stored.queue


def purged(tx: Tx) -> Queue:
    stored = tx.queues.find(QUEUE)
    assert stored is not None
    assert stored.queue.purged_at is not None
    tx.queues.purge(stored, stored.queue, stored.queue.purged_at)
    return found(tx)


TASK = st.builds(
    Task,
    name=st.just(TaskName(QUEUE, "t")),
    request=REQUEST,
    created_at=TIME,
    scheduled_at=TIME,
    dispatch_deadline=SPAN,
    retry_config=st.none() | RETRY,
)
ANY_QUEUE = st.builds(
    Queue,
    name=st.just(QUEUE),
    rate_limits=st.builds(
        RateLimits, max_dispatches_per_second=st.floats(0.1, 500), max_concurrent_dispatches=st.integers(1, 5000)
    ),
    retry_config=RETRY,
    state=st.sampled_from(QueueState),
    purged_at=TIME,
    sampling_ratio=st.floats(0, 1),
    app_engine_routing_override=st.none() | ROUTING,
)


@given(TASK)
def test_a_task_comes_back(task: Task) -> None:
    store = Store(parse_database("memory:"), Events())
    added = store.write_sync(add, task)
    assert store.read(all_tasks) == [added]


@given(ANY_QUEUE)
def test_a_queue_comes_back_also_when_it_was_purged(queue: Queue) -> None:
    store = Store(parse_database("memory:"), Events())
    store.write_sync(change, queue)
    assert store.read(found) == queue
    assert store.write_sync(purged) == queue

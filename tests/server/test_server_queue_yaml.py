"""A queue.yaml: what its keys mean, what is wrong in it, and what it does to the queues of a service."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import NotFound
from google.cloud.tasks_v2 import Queue
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.errors import FailedPrecondition, SetupError
from gcptasks.base.names import parse_location
from gcptasks.engine.quotas import Quotas
from gcptasks.server.queue_yaml import read_queue_yaml
from gcptasks.server.settings import PortSettings
from gcptasks.wire.cloud_tasks.queues import queue_message
from service.service_world import Api, over_grpc

PARENT = "projects/p/locations/l"
LOCATION = parse_location(PARENT)
SECOND = timedelta(seconds=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queue.yaml"


def _queues(file: Path, text: str, quotas: Quotas = Quotas.GOOGLE) -> dict[str, Any]:
    """The queues as the API shows them, by their ids."""
    file.write_text(text)
    found = read_queue_yaml(file, LOCATION, quotas)
    return {queue.name.queue: Queue.wrap(queue_message(queue)) for queue in found}


def _queue(file: Path, keys: str) -> Any:
    """The one queue `q` with these lines."""
    lines = "".join(f"  {line}\n" for line in keys.splitlines())
    return _queues(file, f"queue:\n- name: q\n{lines}")["q"]


def test_a_queue_with_only_a_name_has_the_defaults_of_the_file(file: Path) -> None:
    queue = _queue(file, "")
    assert queue == Queue(
        name=f"{PARENT}/queues/q",
        rate_limits={"max_dispatches_per_second": 5, "max_burst_size": 5, "max_concurrent_dispatches": 1000},
        retry_config={
            "max_attempts": -1,
            "min_backoff": SECOND / 10,
            "max_backoff": 3600 * SECOND,
            "max_doublings": 16,
        },
        state=Queue.State.RUNNING,
    )


def test_a_queue_is_set_to_what_the_file_says(file: Path) -> None:
    queue = _queue(
        file,
        """\
rate: 120/m
bucket_size: 40
max_concurrent_requests: 10
mode: push
target: v2.worker
retry_parameters:
  task_retry_limit: 7
  task_age_limit: 2d
  min_backoff_seconds: 10
  max_backoff_seconds: 200.5
  max_doublings: 0""",
    )
    limits, retry, routing = queue.rate_limits, queue.retry_config, queue.app_engine_routing_override
    assert (limits.max_dispatches_per_second, limits.max_burst_size, limits.max_concurrent_dispatches) == (2, 40, 10)
    assert (retry.max_attempts, retry.max_retry_duration, retry.max_doublings) == (7, 2 * 86400 * SECOND, 0)
    assert (retry.min_backoff, retry.max_backoff) == (10 * SECOND, 200.5 * SECOND)
    assert (routing.service, routing.version, routing.instance) == ("worker", "v2", "")


@pytest.mark.parametrize(
    ("rate", "per_second"), [("500/s", 500), ("0.5/s", 0.5), ("90/m", 1.5), ("36/h", 0.01), ("8640/d", 0.1)]
)
def test_a_rate_has_a_unit(file: Path, rate: str, per_second: float) -> None:
    assert _queue(file, f"rate: {rate}").rate_limits.max_dispatches_per_second == pytest.approx(per_second)


@pytest.mark.parametrize(("age", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("30d", 2_592_000)])
def test_an_age_has_a_unit(file: Path, age: str, seconds: int) -> None:
    queue = _queue(file, f"retry_parameters:\n  task_age_limit: {age}")
    assert (queue.retry_config.max_retry_duration, queue.retry_config.max_attempts) == (seconds * SECOND, -1)


def test_no_retry_is_one_attempt(file: Path) -> None:
    assert _queue(file, "retry_parameters: {task_retry_limit: 0}").retry_config.max_attempts == 1


def test_a_rate_of_0_pauses_the_queue(file: Path) -> None:
    assert _queue(file, "rate: 0/s").state == Queue.State.PAUSED


@pytest.mark.parametrize("text", ["queue:\n", "queue: []\n", "total_storage_limit: 120M\nqueue:\n"])
def test_a_file_may_have_no_queues(file: Path, text: str) -> None:
    assert _queues(file, text) == {}


def test_what_is_too_much_for_google_is_read_without_its_quotas(file: Path) -> None:
    text = "queue: [{name: q, rate: 501/s}]"
    assert _queues(file, text, Quotas.NONE)["q"].rate_limits.max_dispatches_per_second == 501


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 0, " is empty: it needs 'queue:', and below it the queues"),
        ("queues:\n", 1, "the file has no 'queues'; there are queue, total_storage_limit"),
        ("total_storage_limit: 1M\n", 0, ": there is no 'queue:', below which the queues stand"),
        ("- name: q\n", 1, "the file must have keys and values, such as 'name: orders'"),
        ("queue: q\n", 1, "'queue:' must be followed by a list, each queue with '- name: …'"),
        ("queue:\n- q\n", 2, "a queue must have keys and values, such as 'name: orders'"),
        ("queue:\n- rate: 1/s\n", 2, "this queue has no 'name:'"),
        ("queue:\n- name: a_b\n", 2, 'Queue ID "a_b" can contain only letters'),
        ("queue:\n- name: [a]\n", 2, "here must be one word or one number"),
        ("queue:\n- name: a\n- name: a\n", 3, "there is a queue 'a' before; give each queue once"),
        ("queue:\n- name: a\n  name: b\n", 3, "'name' stands there twice"),
        ("queue:\n- name: a\n  rates: 1/s\n", 3, "a queue has no 'rates'; there are bucket_size, max_concurrent_"),
        ("queue:\n- name: a\n  rate: fast\n", 3, "rate must be a number and a unit, such as 10/s, 5/m, 2/h or 1/d, "),
        ("queue:\n- name: a\n  rate: -1/s\n", 3, "not '-1/s'"),
        ("queue:\n- name: a\n  rate: 501/s\n", 2, "RateLimits.maxDispatchesPerSecond must be less than or equal to "),
        ("queue:\n- name: a\n  bucket_size: 501\n", 3, "bucket_size must be a number from 1 to 500, not '501'"),
        ("queue:\n- name: a\n  max_concurrent_requests: x\n", 3, "must be a number, 0 or more, not 'x'"),
        ("queue:\n- name: a\n  max_concurrent_requests: 5001\n", 2, "RateLimits.maxConcurrentDispatches must be "),
        ("queue:\n- name: a\n  mode: pull\n", 3, "Cloud Tasks has push queues alone: leave this queue out, or write"),
        ("queue:\n- name: a\n  target: a b\n", 3, "target must be a service, such as worker, or a version of one"),
        ("queue:\n- name: a\n  retry_parameters: 3\n", 3, "retry_parameters must have keys and values"),
        ("queue:\n- name: a\n  retry_parameters:\n    limit: 3\n", 4, "retry_parameters has no 'limit'; there are "),
        ("queue:\n- name: a\n  retry_parameters:\n    task_age_limit: 31d\n", 4, "and at most 30d, not '31d'"),
        ("queue:\n- name: a\n  retry_parameters:\n    min_backoff_seconds: -1\n", 4, "must be a number of seconds"),
        ("queue:\n- name: a\n  retry_parameters: {min_backoff_seconds: 9, max_backoff_seconds: 1}", 2, "minBackoff"),
        ("queue:\n- name: a\n rate: 1/s\n", 3, "this is no YAML: "),
        ("queue: *x\n", 1, "this is no YAML: found undefined alias"),
        ("queue: \x07\n", 0, " is no YAML: "),
        ("[" * 5000, 0, " is nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(file: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(SetupError) as refused:
        _queues(file, text)
    place = f"{file}:{line}: " if line else str(file)
    assert str(refused.value).startswith(place)
    assert said in str(refused.value)


def test_what_is_no_text_is_told(file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"\xff")
    with pytest.raises(SetupError, match="is no text in UTF-8"):
        read_queue_yaml(file, LOCATION, Quotas.GOOGLE)
    with pytest.raises(SetupError, match=r"none\.yaml cannot be read: No such file"):
        read_queue_yaml(tmp_path / "none.yaml", LOCATION, Quotas.GOOGLE)


PIECES = [
    "queue:",
    "\n",
    "- ",
    "  ",
    "name: ",
    "a",
    "rate: ",
    "1/s",
    "{",
    "}",
    "[",
    "]",
    "&x ",
    "*x",
    "retry_parameters:",
]
MARKS = ["? ", ": ", "'", '"', "!!int ", "|", "<<: ", "~", "#", "\t"]


@given(st.lists(st.sampled_from(PIECES + MARKS), max_size=14).map("".join))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any-queue.yaml"
    file.write_text(text)
    try:
        found = read_queue_yaml(file, LOCATION, Quotas.GOOGLE)
    except SetupError as error:
        said = str(error)
    else:
        said = f"{file}: {found}"
    assert said.startswith(str(file))


# The service


def _settings(file: Path, text: str, database: str = ":memory:") -> PortSettings:
    file.write_text(text)
    imported = read_queue_yaml(file, LOCATION, Quotas.GOOGLE)
    return PortSettings(port=0, database=database, imported_queues=imported)


def test_queues_are_made_and_set_and_others_left_alone(file: Path, tmp_path: Path) -> None:
    """CT-068, CT-078, CT-L22: what the file cannot say stays as it is."""
    database = str(tmp_path / "tasks.db")
    with over_grpc(PortSettings(port=0, database=database)) as way:
        api = Api(*way, PARENT)
        api.paused("old", http_target={"http_method": "PUT"}, rate_limits={"max_dispatches_per_second": 7})
        other = api.queue("other")
    settings = _settings(
        file, "queue:\n- {name: old, rate: 20/s, bucket_size: 3}\n- {name: new, rate: 0/s}\n", database
    )
    for _ in range(2):  # a second start changes nothing
        with over_grpc(settings) as way:
            api = Api(*way, PARENT)
            old, new = (api.call("get_queue", name=api.name(name)) for name in ("old", "new"))
            assert (old.rate_limits.max_dispatches_per_second, old.rate_limits.max_burst_size) == (20, 3)
            assert (old.http_target.http_method.name, old.state, new.state) == ("PUT", 2, 2)
            assert api.call("get_queue", name=other.name) == other
    with over_grpc(replace(settings, imported_queues=())) as way:
        api = Api(*way, PARENT)
        mask = {"paths": ["retry_config.max_attempts"]}
        updated = api.call("update_queue", queue={"name": api.name("old")}, update_mask=mask)
        assert (updated.rate_limits.max_dispatches_per_second, updated.rate_limits.max_burst_size) == (20, 10)


def test_linear_growth_stays_though_another_setting_is_updated(file: Path) -> None:
    """CT-201."""
    text = "queue: [{name: q, retry_parameters: {max_doublings: 0, task_retry_limit: 3}}]"
    with over_grpc(_settings(file, text)) as way:
        api = Api(*way, PARENT)
        queue = {"name": api.name(), "retry_config": {"max_attempts": 7, "max_doublings": 9}}
        updated = api.call("update_queue", queue=queue, update_mask={"paths": ["retry_config.max_attempts"]})
        assert (updated.retry_config.max_doublings, updated.retry_config.max_attempts) == (0, 7)
        queue["retry_config"] = {}
        updated = api.call("update_queue", queue=queue, update_mask={"paths": ["retry_config"]})
        assert (updated.retry_config.max_doublings, updated.retry_config.max_attempts) == (16, 100)


def test_if_one_queue_cannot_be_made_none_is(file: Path, tmp_path: Path) -> None:
    """CT-032."""
    database = str(tmp_path / "tasks.db")
    with over_grpc(PortSettings(port=0, database=database)) as way:
        api = Api(*way, PARENT)
        api.queue("gone")
        api.call("delete_queue", name=api.name("gone"))
    with (
        pytest.raises(FailedPrecondition, match="existed too recently"),
        over_grpc(_settings(file, "queue: [{name: first}, {name: gone}]", database)),
    ):
        raise AssertionError("it has started")
    with over_grpc(PortSettings(port=0, database=database)) as way:
        api = Api(*way, PARENT)
        with pytest.raises(NotFound):
            api.call("get_queue", name=api.name("first"))

"""Paths, and queues made ready by hand: api.md section 3."""

import inspect
from typing import Any

import pytest
from google.api_core.exceptions import AlreadyExists, PermissionDenied
from google.cloud.tasks_v2 import CreateQueueRequest, Queue, RateLimits

from fastapi_gcp_tasks.utils import (
    async_emulator_client,
    emulator_client,
    ensure_queue,
    ensure_queue_async,
    location_path,
    queue_path,
)
from routes.routes_fakes import QUEUE, FakeAsyncClient, FakeClient


def test_paths_are_googles() -> None:
    assert queue_path(project="p", location="l", queue="q") == QUEUE
    assert location_path(project="example.com:p", location="europe-west1") == (
        "projects/example.com:p/locations/europe-west1"
    )


@pytest.mark.parametrize("part", ["project", "location", "queue"])
@pytest.mark.parametrize("value", ["", "a/b", "a b"])
def test_what_is_no_name_is_refused(part: str, value: str) -> None:
    names = {"project": "p", "location": "l", "queue": "q", part: value}
    with pytest.raises(ValueError, match=r"is not a queue: Queue"):
        queue_path(**names)
    if part != "queue":
        with pytest.raises(ValueError, match="is not a location: Location name"):
            location_path(project=names["project"], location=names["location"])


async def test_a_queue_is_created_with_the_fields_given() -> None:
    limits = RateLimits(max_dispatches_per_second=5)
    client, async_client = FakeClient(), FakeAsyncClient()
    ensure_queue(client=client, path=QUEUE, rate_limits=limits)
    await ensure_queue_async(client=async_client, path=QUEUE, rate_limits=limits)
    queue = Queue(name=QUEUE, rate_limits=limits)
    expected = CreateQueueRequest(parent="projects/p/locations/l", queue=queue)
    assert client.queues == async_client.queues == [expected]


async def test_a_queue_that_is_there_is_fine_and_anything_else_is_raised() -> None:
    ensure_queue(client=FakeClient(AlreadyExists("there")), path=QUEUE)
    await ensure_queue_async(client=FakeAsyncClient(AlreadyExists("there")), path=QUEUE)
    with pytest.raises(PermissionDenied, match="no role"):
        ensure_queue(client=FakeClient(PermissionDenied("no role")), path=QUEUE)
    with pytest.raises(PermissionDenied, match="no role"):
        await ensure_queue_async(client=FakeAsyncClient(PermissionDenied("no role")), path=QUEUE)


async def test_a_malformed_path_or_an_unknown_field_is_refused_before_any_call() -> None:
    client, async_client = FakeClient(), FakeAsyncClient()
    with pytest.raises(ValueError, match="'q' is not a queue"):
        ensure_queue(client=client, path="q")
    with pytest.raises(ValueError, match="'q' is not a queue"):
        await ensure_queue_async(client=async_client, path="q")
    with pytest.raises(ValueError, match="rate_limit"):
        ensure_queue(client=client, path=QUEUE, rate_limit=5)
    assert client.queues == async_client.queues == []


@pytest.mark.parametrize("make", [emulator_client, async_emulator_client])
async def test_a_client_for_the_local_service_finds_it_where_the_command_serves_it(make: Any) -> None:
    assert make().transport.host == "localhost:8123"


@pytest.mark.parametrize("take", [queue_path, location_path, ensure_queue, ensure_queue_async])
def test_what_could_be_mixed_up_is_taken_by_keyword(take: Any) -> None:
    parameters = inspect.signature(take).parameters.values()
    assert not {one.kind for one in parameters} & {inspect.Parameter.POSITIONAL_OR_KEYWORD}

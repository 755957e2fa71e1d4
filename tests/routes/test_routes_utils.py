"""Paths, and queues made ready by hand: api.md section 3."""

import pytest
from google.api_core.exceptions import AlreadyExists, PermissionDenied
from google.cloud.tasks_v2 import CreateQueueRequest, Queue, RateLimits

from fastapi_gcp_tasks.utils import ensure_queue, ensure_queue_async, location_path, queue_path
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

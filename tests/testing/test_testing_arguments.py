"""The arguments that a test is shown are those that the endpoint receives, whatever its signature."""

from io import BytesIO

import pytest
from fastapi import FastAPI, UploadFile
from hypothesis import given, settings

from encode.test_encode_signatures import Drawn, given_to, parameters, taken, worker
from fastapi_gcp_tasks import DelayedRouter
from fastapi_gcp_tasks.testing import TestTasks
from gcptasks.testing.called import CallFinder, Request, arguments_of
from gcptasks.values.equality import alike

pytestmark = pytest.mark.filterwarnings("ignore:The .* attribute with value:UserWarning")


@settings(max_examples=40)
@given(parameters())
def test_the_arguments_are_those_that_the_endpoint_receives(drawn: dict[str, Drawn]) -> None:
    made = worker(drawn)
    encoded = made.encode(**{name: given_to(one.value) for name, one in drawn.items() if one.given})
    made.deliver(encoded)
    received = made.received.pop()
    request = Request("POST", f"http://worker{encoded.path}", dict(encoded.headers), encoded.body or b"")
    (arguments,) = arguments_of(CallFinder(made.app).calls_of([request]))
    assert arguments is not None
    assert arguments.keys() == received.keys()
    for name, value in received.items():
        assert alike(taken(arguments[name]), value), name


def test_an_upload_can_be_read_though_its_request_is_over() -> None:
    app, router = FastAPI(), DelayedRouter(queue_path="projects/p/locations/l/queues/q", base_url="http://worker")

    @router.post("/keep")
    def keep(one: UploadFile, more: list[UploadFile]) -> None: ...

    app.include_router(router)
    with TestTasks(app) as tasks:
        keep.delay(one=UploadFile(BytesIO(b"1"), filename="a"), more=[UploadFile(BytesIO(b"2"), filename="b")])
        found = tasks.assert_enqueued(keep).arguments
        assert found is not None
        assert [(one.filename, one.file.read()) for one in (found["one"], *found["more"])] == [("a", b"1"), ("b", b"2")]
        assert tasks.drain()[0].succeeded

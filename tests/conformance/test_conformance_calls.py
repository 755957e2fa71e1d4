"""Which calls there are, and how Google's client makes them."""

from concurrent import futures
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.cloud.scheduler_v1 import CloudSchedulerClient
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import CloudSchedulerGrpcTransport

from conformance.conformance_world import PARENT, JobApi
from gcptasks.client import inprocess
from gcptasks.client.api import SCHEDULER
from gcptasks.runtime.targets.router import Targets
from gcptasks.server.backend import Backend
from gcptasks.server.settings import Settings
from gcptasks.service import served
from service.google_methods import methods_of

SERVICE = "google.cloud.scheduler.v1.CloudScheduler"


def test_every_call_of_cloud_scheduler_is_served_and_locations_beside_it(api: JobApi) -> None:
    # CS-001, CS-002
    api.job()
    answers = {
        "get_job": "Job",
        "pause_job": "Job",
        "resume_job": "Job",
        "run_job": "Job",
        "delete_job": "NoneType",
    }
    assert {method: type(api.call(method, name=api.name())).__name__ for method in answers} == answers
    assert list(api.call("list_jobs", parent=PARENT)) == []
    api.job()
    assert api.update("description", description="x").description == "x"
    assert [one.name for one in api.call("list_locations", name="projects/p").locations] == [PARENT]
    assert api.call("get_location", name=PARENT).location_id == "l"


def test_the_service_has_the_methods_of_google_and_no_others() -> None:
    # CS-001, CS-002
    ours = {path for path, method in served.METHODS.items() if method.service == SERVICE}
    theirs = {method.path for method in methods_of(CloudSchedulerGrpcTransport)}
    assert ours == {path for path in theirs if path.startswith(f"/{SERVICE}/")}
    assert len(ours) == 8
    assert {path.split("/")[1] for path in theirs} == {SERVICE, "google.cloud.location.Locations"}


class _Failing(grpc.GenericRpcHandler):
    """A service that fails each call at first, and answers that there is nothing."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self.calls: list[str] = []
        self._code = code

    def service(self, handler_call_details: Any) -> Any:
        def answer(request: bytes, context: Any) -> bytes:
            name = str(handler_call_details.method).rpartition("/")[2]
            self.calls.append(name)
            context.abort(grpc.StatusCode.NOT_FOUND if self.calls.count(name) > 1 else self._code, "")
            return b""

        untyped: Any = grpc
        return untyped.unary_unary_rpc_method_handler(answer)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
def test_googles_client_repeats_what_reads_or_deletes_alone(code: grpc.StatusCode) -> None:
    # CS-009
    failing = _Failing(code)
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[failing])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            client: Any = CloudSchedulerClient(transport=CloudSchedulerGrpcTransport(channel=channel))
            name, repeated = f"{PARENT}/jobs/j", list[str]()
            requests: dict[str, dict[str, Any]] = {
                **{
                    method: {"name": name} for method in ("get_job", "delete_job", "pause_job", "resume_job", "run_job")
                },
                "list_jobs": {"parent": PARENT},
                "create_job": {"parent": PARENT},
                "update_job": {"job": {"name": name}},
            }
            for method, request in requests.items():
                with pytest.raises(GoogleAPICallError) as refused:
                    getattr(client, method)(request=request, timeout=20)
                if isinstance(refused.value, NotFound):
                    repeated.append(method)
    finally:
        server.stop(None)
    assert repeated == ["get_job", "delete_job", "list_jobs"]


async def test_the_clock_of_the_machine_counts() -> None:
    # CS-L5
    backend = Backend(Settings(database="memory:"), Targets)
    await backend.start()
    job = {"schedule": "0 9 * * *", "http_target": {"uri": "http://w.test/"}}
    made: Any = inprocess.client(SCHEDULER, backend.calls).create_job({"parent": PARENT, "job": job})
    await backend.stop(timedelta(0))
    assert abs(made.user_update_time - datetime.now(UTC)) < timedelta(minutes=5)

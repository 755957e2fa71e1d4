"""A job with an App Engine target, from Google's client over a port to the app."""

from pathlib import Path

import grpc
from anyio.from_thread import start_blocking_portal
from google.cloud.scheduler_v1 import AppEngineHttpTarget, AppEngineRouting, CloudSchedulerClient, HttpMethod, Job
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import CloudSchedulerGrpcTransport

from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from service.service_world import Place, Worker

PARENT = "projects/p/locations/l"
HOST = "s.p.l.r.appspot.com"
USER_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"


def test_the_app_is_sent_what_app_engine_would_send(worker: Worker, place: Place, tmp_path: Path) -> None:
    """CS-029, CS-181, CS-182, CS-183, CS-L8."""
    uri = f"{place.url.removeprefix(worker.address)}?a=b"
    target = AppEngineHttpTarget(
        relative_uri=uri, app_engine_routing={"service": "s"}, headers={"User-Agent": "mine"}, body=b"hello"
    )
    settings = PortSettings(port=0, database=str(tmp_path / "tasks.db"), app_engine=worker.address)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(emulating(settings)) as emulator,
        grpc.insecure_channel(emulator.address) as channel,
    ):
        client = CloudSchedulerClient(transport=CloudSchedulerGrpcTransport(channel=channel))
        job = Job(name=f"{PARENT}/jobs/j", schedule="0 0 1 1 *", app_engine_http_target=target)
        made = client.create_job(parent=PARENT, job=job)
        client.run_job(name=made.name)
        request = place.received()
    assert made.app_engine_http_target == AppEngineHttpTarget(
        http_method=HttpMethod.POST,
        relative_uri=uri,
        app_engine_routing=AppEngineRouting(service="s", host=HOST),
        headers={
            "User-Agent": f"mine {USER_AGENT}",
            "Content-Type": "application/octet-stream",
            "Content-Length": "5",
        },
        body=b"hello",
    )
    assert (request.method, request.path, request.body) == ("POST", uri, b"hello")
    names = ("Host", "User-Agent", "Content-Length", "X-CloudScheduler", "X-CloudScheduler-JobName")
    assert [request.header(name) for name in names] == [HOST, f"mine {USER_AGENT}", "5", "true", "j"]
    assert not [name for name, _ in request.headers if name.lower().startswith("x-appengine-")]

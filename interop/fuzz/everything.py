"""All that a service has, read back over gRPC and over REST."""

import http.client
from collections.abc import Iterator
from typing import Any

import grpc
from google.cloud.location.locations_pb2 import ListLocationsRequest, ListLocationsResponse
from google.cloud.tasks_v2 import Task

from gcptasks.wire.cloud_scheduler import messages as jobs
from gcptasks.wire.cloud_scheduler.names import SERVICE as JOBS
from gcptasks.wire.cloud_tasks import messages as tasks
from gcptasks.wire.cloud_tasks.names import SERVICE as TASKS
from gcptasks.wire.locations import SERVICE as LOCATIONS
from interop.fuzz.calls import method_of
from interop.service import Service

_PATIENCE = 60


def unreadable(service: Service) -> Iterator[str]:
    """What cannot be read back of all that is there."""
    with grpc.insecure_channel(service.address) as channel:
        try:
            yield from _Everything(channel, service).look()
        except grpc.RpcError as error:
            yield f"it could not be listed over gRPC: {error}"


class _Everything:
    def __init__(self, channel: grpc.Channel, service: Service) -> None:
        self._channel = channel
        self._service = service

    def look(self) -> Iterator[str]:
        everywhere = ListLocationsRequest(name="projects/-")
        for page in self._pages(f"/{LOCATIONS}/ListLocations", everywhere, ListLocationsResponse):
            for location in page.locations:
                yield from self._queues(location.name)
                request = jobs.ListJobsRequest(parent=location.name)
                for _ in self._pages(f"/{JOBS}/ListJobs", request, jobs.ListJobsResponse):
                    pass
                yield from self._over_rest(f"/v1/{location.name}/jobs")

    def _queues(self, location: str) -> Iterator[str]:
        yield from self._over_rest(f"/v2/{location}/queues")
        request = tasks.ListQueuesRequest(parent=location)
        for page in self._pages(f"/{TASKS}/ListQueues", request, tasks.ListQueuesResponse):
            for queue in page.queues:
                yield from self._over_rest(f"/v2/{queue.name}/tasks?responseView=FULL")
                full = tasks.ListTasksRequest(parent=queue.name, response_view=Task.View.FULL.value)
                for _ in self._pages(f"/{TASKS}/ListTasks", full, tasks.ListTasksResponse):
                    pass

    def _pages(self, path: str, request: Any, response: Any) -> Iterator[Any]:
        call = method_of(self._channel, path)
        while True:
            page = response.FromString(call(request.SerializeToString(), timeout=_PATIENCE))
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _over_rest(self, path: str) -> Iterator[str]:
        """The first page; it has every kind of value that the others have."""
        connection = http.client.HTTPConnection(self._service.host, self._service.port, timeout=_PATIENCE)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            said = response.read()
            if response.status != 200:
                yield f"GET {path}: {response.status} {said[:1000]!r}"
        finally:
            connection.close()

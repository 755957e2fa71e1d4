"""What is not there yet says so, and says what is."""

from typing import Any

import pytest
from google.api_core.exceptions import MethodNotImplemented, NotFound

from service.service_world import Api, Refusal

TASKS = "google.cloud.tasks.v2.CloudTasks"
SERVED = {
    TASKS: (
        "BatchCreateTasks, BatchDeleteTasks, CreateQueue, CreateTask, DeleteQueue, DeleteTask, GetIamPolicy, "
        "GetQueue, GetTask, ListQueues, ListTasks, PauseQueue, PurgeQueue, ResumeQueue, RunTask, SetIamPolicy, "
        "TestIamPermissions, UpdateQueue"
    ),
    "google.cloud.scheduler.v1.CloudScheduler": (
        "CreateJob, DeleteJob, GetJob, ListJobs, PauseJob, ResumeJob, RunJob, UpdateJob"
    ),
    "google.cloud.location.Locations": "GetLocation, ListLocations",
    "google.longrunning.Operations": "GetOperation",
}
"""The methods that are served, by API."""
ALL_SERVED = "; ".join(f"{api}: {methods}" for api, methods in SERVED.items())
QUEUE = "projects/p/locations/l/queues/q"


def _not_served(path: str) -> Refusal:
    served = SERVED.get(path.split("/")[1], ALL_SERVED)
    return Refusal(MethodNotImplemented, f"The local service does not serve {path} yet; it serves {served}.")


@pytest.mark.parametrize(
    ("method", "path", "request_"),
    [
        ("get_cmek_config", f"{TASKS}/GetCmekConfig", {"name": "projects/p/locations/l/cmekConfig"}),
        ("update_cmek_config", f"{TASKS}/UpdateCmekConfig", {}),
    ],
)
def test_a_call_that_is_not_served_yet(api: Api, method: str, path: str, request_: dict[str, Any]) -> None:
    """It is unknown (CT-004), though Google serves it (CT-001 to CT-003)."""
    if not hasattr(api.client, method):
        pytest.skip("this google-cloud-tasks has no such call")
    refusal = api.refusal(method, **request_)
    if refusal.kind is NotFound:  # over REST, where it is a path that is not there (CT-L14)
        assert "There is nothing at " in refusal.message
    else:
        assert refusal == _not_served(f"/{path}")

"""Names that lie in no project or have another shape: how every call refuses them (section 2 of the contract)."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from google.api_core.exceptions import GoogleAPICallError, InvalidArgument, PermissionDenied
from google.rpc.error_details_pb2 import ErrorInfo, Help, LocalizedMessage
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.events import Events
from gcptasks.client import inprocess
from gcptasks.client.api import TASKS
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from runtime.runtime_doubles import ManualClock
from service.service_world import Api, Heard, Refusal

LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
TASK = f"{QUEUE}/tasks/t"
HTTP = {"url": "http://worker.test/"}


class Call(NamedTuple):
    """A call, and the request of it that is about a thing of some name."""

    method: str
    rpc: str
    permission: str
    wrong: list[str]
    """Names of another shape, in a project. Of CMEK they are told (CT-288a)."""
    request: Callable[[str], dict[str, Any]]


def _named(name: str) -> dict[str, Any]:
    return {"name": name}


def _resource(name: str) -> dict[str, Any]:
    return {"resource": name}


def _below(name: str) -> dict[str, Any]:
    return {"parent": name}


def _new_queue(parent: str) -> dict[str, Any]:
    return {"parent": parent, "queue": {"name": QUEUE}}


def _changed_queue(name: str) -> dict[str, Any]:
    return {"queue": {"name": name}}


def _changed_key(name: str) -> dict[str, Any]:
    return {"cmek_config": {"name": name}}


def _new_task(parent: str) -> dict[str, Any]:
    return {"parent": parent, "task": {"http_request": HTTP}}


def _new_tasks(parent: str) -> dict[str, Any]:
    return {"parent": parent, "requests": [_new_task(parent)]}


def _old_tasks(parent: str) -> dict[str, Any]:
    return {"parent": parent, "names": [TASK]}


NO_PROJECTS = [f"{LOCATION}", "projects/p/", "projects/p/extra"]
NO_LOCATIONS = ["projects/p", "projects/p/locations", f"{LOCATION}/extra", f"{LOCATION}/", QUEUE, "projects/p/x/l"]
NO_QUEUES = [
    *NO_LOCATIONS[:3],
    LOCATION,
    f"{LOCATION}/queues",
    f"{QUEUE}/",
    TASK,
    "projects/p/queues/q",
    f"{LOCATION}/jobs/q",
    "projects/p/locations/a b/queues/q",
]
NO_TASKS = [QUEUE, f"{QUEUE}/tasks", f"{TASK}/extra", f"{TASK}/", f"{QUEUE}/task/t", "projects/p/tasks/t", LOCATION]
NO_OPERATIONS = [LOCATION, f"{LOCATION}/operations", f"{LOCATION}/operations/", f"{LOCATION}/operations/o/extra"]

CLOUD_TASKS = "google.cloud.tasks.v2.CloudTasks"
LOCATIONS = "google.cloud.location.Locations"
OPERATIONS = "google.longrunning.Operations"
CALLS = [
    Call("create_queue", f"{CLOUD_TASKS}.CreateQueue", "cloudtasks.queues.create", NO_LOCATIONS, _new_queue),
    Call("list_queues", f"{CLOUD_TASKS}.ListQueues", "cloudtasks.queues.list", NO_LOCATIONS, _below),
    Call("get_queue", f"{CLOUD_TASKS}.GetQueue", "cloudtasks.queues.get", NO_QUEUES, _named),
    Call("update_queue", f"{CLOUD_TASKS}.UpdateQueue", "cloudtasks.queues.update", NO_QUEUES, _changed_queue),
    Call("delete_queue", f"{CLOUD_TASKS}.DeleteQueue", "cloudtasks.queues.delete", NO_QUEUES, _named),
    Call("pause_queue", f"{CLOUD_TASKS}.PauseQueue", "cloudtasks.queues.pause", NO_QUEUES, _named),
    Call("resume_queue", f"{CLOUD_TASKS}.ResumeQueue", "cloudtasks.queues.resume", NO_QUEUES, _named),
    Call("purge_queue", f"{CLOUD_TASKS}.PurgeQueue", "cloudtasks.queues.purge", NO_QUEUES, _named),
    *(
        Call(method, f"{CLOUD_TASKS}.{rpc}", "cloudtasks.queues.list", NO_QUEUES, _resource)
        for method, rpc in {
            "get_iam_policy": "GetIamPolicy",
            "set_iam_policy": "SetIamPolicy",
            "test_iam_permissions": "TestIamPermissions",
        }.items()
    ),
    Call("create_task", f"{CLOUD_TASKS}.CreateTask", "cloudtasks.tasks.create", NO_QUEUES, _new_task),
    Call("batch_create_tasks", f"{CLOUD_TASKS}.BatchCreateTasks", "cloudtasks.tasks.create", NO_QUEUES, _new_tasks),
    Call("batch_delete_tasks", f"{CLOUD_TASKS}.BatchDeleteTasks", "cloudtasks.tasks.delete", NO_QUEUES, _old_tasks),
    Call("list_tasks", f"{CLOUD_TASKS}.ListTasks", "cloudtasks.tasks.list", NO_QUEUES, _below),
    Call("get_task", f"{CLOUD_TASKS}.GetTask", "cloudtasks.tasks.get", NO_TASKS, _named),
    Call("delete_task", f"{CLOUD_TASKS}.DeleteTask", "cloudtasks.tasks.delete", NO_TASKS, _named),
    Call("run_task", f"{CLOUD_TASKS}.RunTask", "cloudtasks.tasks.run", NO_TASKS, _named),
    Call("get_cmek_config", f"{CLOUD_TASKS}.GetCmekConfig", "", [], _named),
    Call("update_cmek_config", f"{CLOUD_TASKS}.UpdateCmekConfig", "", [], _changed_key),
    Call("get_operation", f"{OPERATIONS}.GetOperation", "cloudtasks.operations.get", NO_OPERATIONS, _named),
    Call("list_locations", f"{LOCATIONS}.ListLocations", "cloudtasks.locations.list", NO_PROJECTS, _named),
    Call("get_location", f"{LOCATIONS}.GetLocation", "cloudtasks.locations.get", NO_LOCATIONS, _named),
]
EVERY_CALL = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.method)
WITHOUT_PROJECT = ["", "projects/", "projects//locations/l/queues/q"]

FOREIGN = ["not-a-valid-name", "p/q", "projects", "queues/q", f"/{QUEUE}", f" {QUEUE}", f"//x/{QUEUE}", "ü"]
"""Names that do not begin with `projects/`."""


def no_project(project: str) -> Refusal:
    message = f"Permission denied on resource project {project}."
    metadata = {
        "consumer": f"projects/{project}",
        "containerInfo": project,
        "service": "cloudtasks.googleapis.com",
    }
    console = Help.Link(description="Google developers console", url="https://console.developers.google.com")
    return Refusal(
        PermissionDenied,
        message,
        [
            ErrorInfo(reason="CONSUMER_INVALID", domain="googleapis.com", metadata=metadata),
            LocalizedMessage(locale="en-US", message=message),
            Help(links=[console]),
        ],
    )


def no_permission(permission: str, name: str) -> Refusal:
    message = (
        f'The principal (user or service account) lacks IAM permission "{permission}" for the resource "{name}" '
        "(or the resource may not exist)."
    )
    return Refusal(PermissionDenied, message)


def no_name(rpc: str) -> Refusal:
    metadata = {"method": rpc, "service": "cloudtasks.googleapis.com"}
    info = ErrorInfo(reason="RESOURCE_PROJECT_INVALID", domain="googleapis.com", metadata=metadata)
    return Refusal(InvalidArgument, "Invalid resource field value in the request.", [info])


def refusals(api: Api, call: Call, names: list[str]) -> dict[str, Refusal]:
    """How the call is refused for each of the names that Google's client sends: that of REST sends few of them."""
    found = dict[str, Refusal]()
    for name in names:
        with suppress(pytest.skip.Exception):
            found[name] = api.refusal(call.method, **call.request(name))
    return found


@EVERY_CALL
def test_a_name_that_begins_otherwise_is_in_no_project(api: Api, call: Call) -> None:
    """CT-025, CT-272, CT-288g, CT-309g, CT-329."""
    for name, refusal in refusals(api, call, FOREIGN).items():
        assert refusal == no_project(name)


@EVERY_CALL
@pytest.mark.parametrize("project", ["a b", "ü", "a%", "a_b"])
def test_what_cannot_be_the_id_of_a_project_is_none(api: Api, call: Call, project: str) -> None:
    """CT-021, CT-025."""
    names = [name.replace("projects/p", f"projects/{project}") for name in ("projects/p", LOCATION, QUEUE, TASK)]
    for refusal in refusals(api, call, names).values():
        assert refusal == no_project(project)


@EVERY_CALL
def test_a_name_of_another_shape_is_one_that_the_caller_may_not_touch(api: Api, call: Call) -> None:
    """CT-255, CT-256, CT-257, CT-272, CT-329."""
    for name, refusal in refusals(api, call, call.wrong).items():
        assert refusal == no_permission(call.permission, name)


@EVERY_CALL
def test_a_name_without_a_project_is_told_with_the_method(api: Api, call: Call) -> None:
    """CT-254, CT-272, CT-288g, CT-309g, CT-329."""
    for refusal in refusals(api, call, WITHOUT_PROJECT).values():
        assert refusal == no_name(call.rpc)


def test_a_program_can_ask_the_error_for_its_reason(api: Api) -> None:
    """CT-025, CT-254."""
    for name, reason in {"": "RESOURCE_PROJECT_INVALID", "x": "CONSUMER_INVALID"}.items():
        error = api.refused("get_queue", name=name)
        (info,) = (detail for detail in error.details if isinstance(detail, ErrorInfo))
        assert (error.reason, error.domain, dict(error.metadata)) == (reason, info.domain, dict(info.metadata))


SEGMENTS = st.sampled_from(
    ["projects", "locations", "queues", "tasks", "operations", "p", "l", "q", "t", "", "a_b", "-"]
)
NAMES = st.one_of(
    st.text(max_size=20),
    st.lists(SEGMENTS, max_size=10).map("/".join),
    st.tuples(st.sampled_from([LOCATION, QUEUE, TASK]), st.lists(SEGMENTS | st.text(max_size=3), max_size=3)).map(
        lambda parts: "/".join([parts[0], *parts[1]])
    ),
)


@given(st.sampled_from(CALLS), NAMES)
def test_any_name_is_taken_or_refused_by_its_beginning(call: Call, name: str) -> None:
    """CT-025, CT-254, CT-255."""
    calls = Calls(Store(parse_database("memory:"), Events()), ManualClock(), Policy())
    api = Api(inprocess.client(TASKS, calls), Heard(), LOCATION)
    try:
        api.call(call.method, **call.request(name))
    except GoogleAPICallError:
        seen = api.refusal(call.method, **call.request(name))
    else:
        assert name.startswith("projects/")
        return
    _, beginning, rest = name.partition("projects/")
    if name in WITHOUT_PROJECT:
        assert seen == no_name(call.rpc)
    elif not name.startswith("projects/"):
        assert seen == no_project(name)
    elif seen.kind is PermissionDenied:
        assert seen in (no_project(rest.split("/")[0]), no_permission(call.permission, name))
    else:
        assert (beginning, seen.kind.code in (400, 404)) == ("projects/", True)

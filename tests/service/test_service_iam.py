"""Policies of queues: section 8 of the contract. They are kept; nothing asks them (CT-L9)."""

from typing import Any

import pytest
from aiohttp import ClientSession
from google.api_core.exceptions import Aborted, InvalidArgument, NotFound
from google.iam.v1.policy_pb2 import Policy

from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from service.service_world import Api, Refusal
from service.test_service_names import bad_queue_id

NO_QUEUE = Refusal(
    NotFound,
    "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.",
)
EMPTY_ETAG = b"\x00 \x01"
VIEWER, RUNNER = "roles/cloudtasks.viewer", "projects/p/roles/runner"
ANN, BOB = "user:ann@example.com", "serviceAccount:bob@p.iam.gserviceaccount.com"
PERMISSIONS = [
    *(f"cloudtasks.queues.{verb}" for verb in ("delete", "get", "getIamPolicy", "pause", "purge", "resume")),
    *(f"cloudtasks.queues.{verb}" for verb in ("setIamPolicy", "update")),
    *(f"cloudtasks.tasks.{verb}" for verb in ("create", "delete", "fullView", "get", "list", "run")),
]


def binding(role: str, *members: str) -> dict[str, Any]:
    return {"role": role, "members": list(members)}


def policy_of(*bindings: dict[str, Any], **fields: Any) -> Policy:
    return Policy(bindings=bindings, **fields)


def get(api: Api, queue: str, **options: int) -> Policy:
    found: Policy = api.call("get_iam_policy", resource=queue, **({"options": options} if options else {}))
    return found


def put(api: Api, queue: str, *bindings: dict[str, Any], **fields: Any) -> Policy:
    changed: Policy = api.call("set_iam_policy", resource=queue, policy={"bindings": list(bindings), **fields})
    return changed


def not_put(api: Api, queue: str, *bindings: dict[str, Any], **fields: Any) -> Refusal:
    return api.refusal("set_iam_policy", resource=queue, policy={"bindings": list(bindings), **fields})


def held(api: Api, queue: str, *permissions: str) -> list[str]:
    return list(api.call("test_iam_permissions", resource=queue, permissions=list(permissions)).permissions)


@pytest.fixture
def queue(api: Api) -> str:
    return str(api.queue().name)


def test_a_queue_has_an_empty_policy_at_first(api: Api, queue: str) -> None:
    """CT-085."""
    assert get(api, queue) == Policy(version=0, etag=EMPTY_ETAG)


async def test_over_rest_the_empty_policy_is_its_etag_alone() -> None:
    """CT-012, CT-085."""
    queue = "projects/p/locations/l/queues/q"
    async with emulating(PortSettings(port=0, queues=(queue,))) as emulator, ClientSession() as session:
        async with session.post(f"http://{emulator.address}/v2/{queue}:getIamPolicy", json={}) as response:
            assert await response.text() == '{\n  "etag": "ACAB"\n}\n'
        async with session.get(f"http://{emulator.address}/v2/{queue}:getIamPolicy") as response:
            assert response.status == 404


def test_a_policy_replaces_the_whole_one_before_and_gets_another_etag(api: Api, queue: str) -> None:
    """CT-086."""
    first = put(api, queue, binding(VIEWER, ANN))
    assert first == policy_of(binding(VIEWER, ANN), version=1, etag=first.etag)
    assert get(api, queue) == get(api, queue, requested_policy_version=3) == first
    second = put(api, queue, binding(RUNNER, BOB), version=3)
    assert second == policy_of(binding(RUNNER, BOB), version=1, etag=second.etag)
    assert get(api, queue, requested_policy_version=1) == second
    again = put(api, queue, binding(RUNNER, BOB))
    assert len({EMPTY_ETAG, first.etag, second.etag, again.etag}) == 4


def test_a_policy_made_of_an_older_one_is_aborted(api: Api, queue: str) -> None:
    """CT-087."""
    first = put(api, queue, binding(VIEWER, ANN), etag=EMPTY_ETAG)
    second = put(api, queue, binding(VIEWER, BOB), etag=first.etag)
    third = put(api, queue, binding(VIEWER, ANN))
    printed = {EMPTY_ETAG: r"\000 \001", b"\x07\n\xff'\"\\a~\x7f\r\t": "\\007\\n\\377\\'\\\"\\\\a~\\177\\r\\t"}
    for etag in (EMPTY_ETAG, first.etag, second.etag, b"\x07\n\xff'\"\\a~\x7f\r\t"):
        refusal = not_put(api, queue, etag=etag)
        assert (refusal.kind, refusal.details) == (Aborted, [])
        beginning, _, rest = refusal.message.partition("ETag '")
        assert beginning == (
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. "
            "The request's "
        )
        if etag in printed:
            assert rest.startswith(f"{printed[etag]}' did not match the current policy's ETag '\\007\\")
    assert get(api, queue) == third


def test_bindings_of_one_role_and_repeated_members_become_one(api: Api, queue: str) -> None:
    """CT-285."""
    asked = [binding(VIEWER, ANN, ANN), binding(RUNNER, BOB), binding("roles/none"), binding(VIEWER, BOB, ANN)]
    merged = put(api, queue, *asked)
    assert merged == policy_of(binding(VIEWER, ANN, BOB), binding(RUNNER, BOB), version=1, etag=merged.etag)


def test_no_policy_is_the_empty_one(api: Api, queue: str) -> None:
    """CT-285."""
    first = put(api, queue, binding(VIEWER, ANN))
    empty: Policy = api.call("set_iam_policy", resource=queue)
    assert empty == Policy(version=1, etag=empty.etag) == get(api, queue)
    assert empty.etag not in (first.etag, EMPTY_ETAG)


def test_a_mask_says_what_of_the_policy_is_meant(api: Api, queue: str) -> None:
    first = put(api, queue, binding(VIEWER, ANN))

    def masked(path: str) -> Policy:
        policy = {"bindings": [binding(RUNNER, BOB)], "etag": first.etag}
        changed: Policy = api.call("set_iam_policy", resource=queue, policy=policy, update_mask={"paths": [path]})
        return changed

    kept = masked("etag")
    assert kept == policy_of(binding(VIEWER, ANN), version=1, etag=kept.etag)
    changed = masked("bindings")  # whatever the etag is
    assert changed == policy_of(binding(RUNNER, BOB), version=1, etag=changed.etag) == get(api, queue)
    refusal = api.refusal("set_iam_policy", resource=queue, update_mask={"paths": ["bogus"]})
    assert refusal == Refusal(InvalidArgument, "Invalid mask: bogus")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        *(
            pytest.param(
                {"bindings": [binding(role, ANN)]},
                'The role name must be in the form "roles/{role}", "organizations/{organization_id}/roles/{role}", or '
                '"projects/{project_id}/roles/{role}".',
                id=f"CT-286a {role}",
            )
            for role in ("viewer", "", "roles/", "roles/a/b", "projects/p/viewer", "organizations//roles/a")
        ),
        *(
            pytest.param(
                {"bindings": [binding(VIEWER, ANN, member)]},
                f"The member {member} is of an unknown type. Please set a valid type prefix for the member.",
                id=id_,
            )
            for id_, member in {
                "CT-286b": "nobody",
                "CT-286c": "robot:x@example.com",
                "empty": "",
                "no account": "user:",
                "no prefix": "user",
            }.items()
        ),
        pytest.param(
            {"version": 3, "bindings": [{**binding(VIEWER, ANN), "condition": {"expression": "true"}}]},
            "Can't set conditional policy on this resource",
            id="CT-286d",
        ),
        *(
            pytest.param(
                {"version": version, "bindings": [binding(VIEWER, ANN)]},
                f"Specified policy version ({version}) is not supported. For more information, please refer to "
                "https://cloud.google.com/iam/help/allow-policies/versions.",
                id=f"CT-286e {version}",
            )
            for version in (4, 2, -1)
        ),
    ],
)
def test_a_policy_that_cannot_be_is_refused(api: Api, queue: str, asked: dict[str, Any], message: str) -> None:
    """CT-286."""
    before = put(api, queue, binding(VIEWER, BOB))
    refusal = api.refusal("set_iam_policy", resource=queue, policy=asked)
    assert refusal == Refusal(InvalidArgument, message)
    assert get(api, queue) == before


@pytest.mark.parametrize(
    "member",
    [
        "allUsers",
        "allAuthenticatedUsers",
        "group:all@example.com",
        "domain:example.com",
        "projectOwner:p",
        "projectEditor:p",
        "projectViewer:p",
        "deleted:user:ann@example.com?uid=1",
        "principal://iam.googleapis.com/locations/global/workforcePools/w/subject/s",
        "principalSet://iam.googleapis.com/locations/global/workforcePools/w/*",
    ],
)
@pytest.mark.parametrize("role", ["organizations/1/roles/a", VIEWER])
def test_members_and_roles_of_every_kind_are_accepted(api: Api, queue: str, member: str, role: str) -> None:
    assert put(api, queue, binding(role, member)).bindings == policy_of(binding(role, member)).bindings


def test_a_version_that_policies_never_had_cannot_be_asked_for(api: Api, queue: str) -> None:
    """CT-286e."""
    refusal = api.refusal("get_iam_policy", resource=queue, options={"requested_policy_version": 4})
    assert refusal.message.startswith("Specified policy version (4) is not supported.")


def test_a_missing_queue_has_no_policy(api: Api, queue: str) -> None:
    """CT-088, CT-089."""
    missing = api.name("missing")
    assert api.refusal("get_iam_policy", resource=missing) == NO_QUEUE
    assert not_put(api, missing, binding(VIEWER, ANN)) == NO_QUEUE
    assert api.refusal("test_iam_permissions", resource=missing, permissions=[PERMISSIONS[0]]) == NO_QUEUE
    assert api.refusal("test_iam_permissions", resource=missing) == NO_QUEUE
    assert api.refusal("get_queue", name=missing) == NO_QUEUE


def test_a_wrong_queue_id_is_told(api: Api) -> None:
    """CT-028."""
    for method in ("get_iam_policy", "set_iam_policy", "test_iam_permissions"):
        assert api.refusal(method, resource=api.name("a_b")) == bad_queue_id("a_b")


def test_a_policy_goes_with_its_queue_and_stays_over_a_purge(api: Api, queue: str) -> None:
    """CT-089: a queue that is deleted has none."""
    policy = put(api, queue, binding(VIEWER, ANN))
    for method in ("purge_queue", "pause_queue", "resume_queue"):
        api.call(method, name=queue)
    assert get(api, queue) == policy
    other = str(api.queue("other").name)
    api.call("delete_queue", name=queue)
    assert api.refusal("get_iam_policy", resource=queue) == NO_QUEUE
    assert get(api, other) == Policy(etag=EMPTY_ETAG)


def test_the_caller_holds_every_permission_in_order_and_as_often_as_asked(api: Api, queue: str) -> None:
    """CT-088, CT-L9."""
    run, read, write = "cloudtasks.tasks.run", "cloudtasks.queues.get", "cloudtasks.queues.setIamPolicy"
    assert held(api, queue, run, read, run, write) == [read, write, run, run]
    assert held(api, queue, *reversed(PERMISSIONS)) == PERMISSIONS


def test_policies_are_not_enforced(api: Api, queue: str) -> None:
    """CT-127, CT-L9: what nobody has, the caller still may."""
    put(api, queue)
    assert held(api, queue, "cloudtasks.queues.get", "cloudtasks.queues.pause") != []
    assert api.call("pause_queue", name=queue).name == queue
    task = api.task(queue, http={"body": b"hello"}).name
    assert api.get(task, view=2).http_request.body == b"hello"


@pytest.mark.parametrize(
    ("permissions", "message"),
    [
        pytest.param([], "At least one permission must be specified.", id="CT-287a"),
        *(
            pytest.param([wrong], f"The permission {wrong} is invalid.", id=id_)
            for id_, wrong in {
                "CT-287b": "foo",
                "CT-287c": "cloudtasks.queues.",
                "CT-287d": "cloudtasks.*",
                "empty": "",
                "a part too many": "cloudtasks.queues.get.it",
                "blank": "cloudtasks.queues.get ",
                "newline": "cloudtasks.queues.get\n",
            }.items()
        ),
        *(
            pytest.param([wrong], f"Permission {wrong} is not valid for this resource.", id=id_)
            for id_, wrong in {
                "CT-287e": "storage.objects.get",
                "CT-287f": "cloudtasks.queues.create",
                "list": "cloudtasks.queues.list",
                "unknown": "cloudtasks.queues.bogus",
            }.items()
        ),
        pytest.param(
            ["cloudtasks.queues.get", "storage.objects.get", "foo"],
            "Permission storage.objects.get is not valid for this resource.",
            id="CT-287g",
        ),
    ],
)
def test_the_first_permission_that_is_none_is_told(api: Api, queue: str, permissions: list[str], message: str) -> None:
    """CT-287."""
    refusal = api.refusal("test_iam_permissions", resource=queue, permissions=permissions)
    assert refusal == Refusal(InvalidArgument, message)

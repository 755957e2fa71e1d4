"""Policies of queues as messages, and what the calls on them ask for."""

from collections.abc import Sequence
from dataclasses import dataclass

from google.iam.v1.iam_policy_pb2 import (
    GetIamPolicyRequest,
    SetIamPolicyRequest,
    TestIamPermissionsRequest,
    TestIamPermissionsResponse,
)
from google.iam.v1.policy_pb2 import Binding as BindingMessage
from google.iam.v1.policy_pb2 import Policy

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import QueueName, parse_queue
from gcptasks.engine.iam import Binding, IamPolicy
from gcptasks.wire.cloud_tasks.names import resource

_PATHS = frozenset(("version", "bindings", "etag", "audit_configs"))


@dataclass(frozen=True, slots=True, kw_only=True)
class GetIamPolicy:
    queue: QueueName
    version: int
    """The newest that the caller knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetIamPolicy:
    queue: QueueName
    policy: IamPolicy
    """Its etag is empty if none is to be compared."""
    keeps_bindings: bool
    """Those of the policy are not meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestIamPermissions:
    queue: QueueName
    permissions: Sequence[str]


def get_iam_policy(request: GetIamPolicyRequest) -> GetIamPolicy:
    """What is asked for; a `ServiceError` if the resource is no queue."""
    queue = resource(parse_queue, request.resource, request)
    return GetIamPolicy(queue=queue, version=request.options.requested_policy_version)


def set_iam_policy(request: SetIamPolicyRequest) -> SetIamPolicy:
    """What is asked for; a `ServiceError` if the resource is no queue. Without a mask all of the policy is meant."""
    queue = resource(parse_queue, request.resource, request)
    paths = list(request.update_mask.paths)
    for path in paths:
        if path not in _PATHS:
            raise InvalidArgument(f"Invalid mask: {path}")
    policy = request.policy
    asked = IamPolicy(
        version=policy.version,
        bindings=tuple(map(_binding, policy.bindings)),
        etag=policy.etag if not paths or "etag" in paths else b"",
    )
    return SetIamPolicy(queue=queue, policy=asked, keeps_bindings=bool(paths) and "bindings" not in paths)


def test_iam_permissions(request: TestIamPermissionsRequest) -> TestIamPermissions:
    """What is asked for; a `ServiceError` if the resource is no queue."""
    queue = resource(parse_queue, request.resource, request)
    return TestIamPermissions(queue=queue, permissions=list(request.permissions))


def policy_message(policy: IamPolicy) -> Policy:
    """The policy as callers see it."""
    bindings = [BindingMessage(role=binding.role, members=binding.members) for binding in policy.bindings]
    return Policy(version=policy.version, bindings=bindings, etag=policy.etag)


def permissions_message(permissions: Sequence[str]) -> TestIamPermissionsResponse:
    """The permissions that the caller has."""
    return TestIamPermissionsResponse(permissions=permissions)


def _binding(message: BindingMessage) -> Binding:
    return Binding(role=message.role, members=tuple(message.members), has_condition=message.HasField("condition"))

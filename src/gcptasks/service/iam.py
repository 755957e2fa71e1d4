"""The verbs on policies of queues. They are kept, and nothing asks them (CT-L9)."""

from dataclasses import replace
from datetime import datetime

from gcptasks.engine import iam
from gcptasks.engine.iam import IamPolicy
from gcptasks.service.policy import Policy
from gcptasks.service.queues import existing
from gcptasks.store.tx import Tx
from gcptasks.wire.cloud_tasks.iam import GetIamPolicy, SetIamPolicy, TestIamPermissions


def get_iam_policy(tx: Tx, request: GetIamPolicy, now: datetime, policy: Policy) -> IamPolicy:
    queue = existing(tx, request.queue)
    iam.check_version(request.version)
    return tx.iam_policies.get(queue)


def set_iam_policy(tx: Tx, request: SetIamPolicy, now: datetime, policy: Policy) -> IamPolicy:
    queue = existing(tx, request.queue)
    current = tx.iam_policies.get(queue)
    asked = replace(request.policy, bindings=current.bindings) if request.keeps_bindings else request.policy
    changed = iam.replaced(current, asked, now)
    tx.iam_policies.save(queue, changed)
    return changed


def test_iam_permissions(tx: Tx, request: TestIamPermissions, now: datetime, policy: Policy) -> list[str]:
    """Those of the permissions that the caller has, in their order (CT-088)."""
    existing(tx, request.queue)
    return iam.held(request.permissions)

"""Policies of queues in the database. A queue that never had one has no row."""

import json

from gcptasks.engine.iam import NO_POLICY, Binding, IamPolicy
from gcptasks.store.queues import StoredQueue
from gcptasks.store.statements import Statements


class IamPolicies:
    """The policies as one transaction sees them. That of a queue goes with it (`Queues.delete`)."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def get(self, queue: StoredQueue) -> IamPolicy:
        """The queue's policy; `NO_POLICY` if it never had one."""
        query = "SELECT version, bindings, etag FROM iam_policies WHERE queue = ?"
        row = self._sql.execute(query, (queue.first_number,)).fetchone()
        if row is None:
            return NO_POLICY
        bindings = tuple(Binding(role=role, members=tuple(members)) for role, members in json.loads(row[1]))
        return IamPolicy(version=row[0], bindings=bindings, etag=bytes(row[2]))

    def save(self, queue: StoredQueue, policy: IamPolicy) -> None:
        """Keep this policy in the place of the one before."""
        bindings = json.dumps([(binding.role, binding.members) for binding in policy.bindings])
        values = (queue.first_number, policy.version, bindings, policy.etag)
        self._sql.execute("INSERT OR REPLACE INTO iam_policies VALUES (?, ?, ?, ?)", values)

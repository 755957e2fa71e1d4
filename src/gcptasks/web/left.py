"""What is left of the work, as JSON and in words."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from gcptasks.service.outstanding import Left
from gcptasks.store.outstanding import JobLeft, QueueLeft
from gcptasks.web.rfc3339 import rfc3339

Members = dict[str, Any]


def members_of(left: Left) -> Members:
    """What is left, as JSON."""
    under_way = left.under_way
    return {
        "queues": list(_all(map(_queue, left.outstanding.queues), under_way.queues)),
        "jobs": list(_all(map(_job, left.outstanding.jobs), under_way.jobs)),
    }


def account_of(members: Mapping[str, list[Members]]) -> str:
    """What is left, for people."""
    accounts = [*map(_queue_account, members["queues"]), *map(_job_account, members["jobs"])]
    return "; ".join(accounts) or "but nothing is left now"


def _all(listed: Iterator[Members], under_way: Counter[Any]) -> Iterator[Members]:
    """Those that are listed, and those that only have attempts under way, as what is deleted meanwhile."""
    counts = Counter({str(name): count for name, count in under_way.items()})
    for one in listed:
        yield {**one, "underWay": counts.pop(one["name"], 0)}
    for name, count in counts.items():
        yield {"name": name, "underWay": count}


def _queue(one: QueueLeft) -> Members:
    next_time = rfc3339(one.next_at)
    return {"name": one.name, "state": one.state.value, "tasks": one.tasks, "due": one.due, "nextTime": next_time}


def _job(one: JobLeft) -> Members:
    members = {"name": one.name, "executions": one.executions, "due": one.due}
    return members if one.next_at is None else {**members, "nextTime": rfc3339(one.next_at)}


def _queue_account(queue: Members) -> str:
    return f"{queue['name']} has {_counts(queue, 'tasks')}" + ", and is paused" * (queue.get("state") == "PAUSED")


def _job_account(job: Members) -> str:
    return f"{job['name']} has {_counts(job, 'executions')}"


def _counts(members: Members, what: str) -> str:
    count = members.get(what, 0)
    many = what if count != 1 else what.removesuffix("s")
    return f"{count} {many}, {members.get('due', 0)} of them due, {members['underWay']} under way"

"""Values: what a task, an attempt, an event is."""

from dataclasses import replace
from datetime import UTC, datetime

from gcptasks.base.events import TaskDeleted, TaskForced
from gcptasks.base.names import parse_task
from gcptasks.engine.model import Attempt, OidcToken, Reply

NAME = parse_task("projects/p/locations/l/queues/q/tasks/t")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_values_are_the_same_if_their_kind_and_all_their_fields_are() -> None:
    assert TaskDeleted(NAME, NOW) == TaskDeleted(NAME, NOW)
    other: object = TaskForced(NAME, NOW)
    assert TaskDeleted(NAME, NOW) != other
    assert len({Reply(status=200), Reply(status=200), Reply(status=404)}) == 2
    assert len({OidcToken(service_account_email="a@b"), OidcToken(service_account_email="a@b", audience="c")}) == 2


def test_a_changed_value_is_a_new_one() -> None:
    begun = Attempt(scheduled_at=NOW)
    ended = replace(begun, status=200)
    assert (begun.status, ended.status, ended.scheduled_at) == (None, 200, NOW)

"""The paths of REST are Google's own: those in the REST transports that Google generates from its annotations."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.cloud.scheduler_v1.services.cloud_scheduler.transports.rest_base import _BaseCloudSchedulerRestTransport
from google.cloud.tasks_v2.services.cloud_tasks.transports.rest_base import _BaseCloudTasksRestTransport

from gcptasks.service.method import HttpRule
from gcptasks.service.served import METHODS, AnyMethod

TRANSPORTS: list[Any] = [_BaseCloudTasksRestTransport, _BaseCloudSchedulerRestTransport]


def google_rules(method: str) -> Iterator[HttpRule]:
    """The rules by which Google's clients call the method: Locations has those of each API that it stands beside."""
    for transport in TRANSPORTS:
        if called := getattr(transport, f"_Base{method}", None):
            for option in called._get_http_options():
                yield HttpRule(option["method"].upper(), option["uri"], option.get("body", ""))


@pytest.mark.parametrize("row", [pytest.param(row, id=row.path) for row in METHODS.values()])
def test_a_row_has_the_http_rules_of_google(row: AnyMethod) -> None:
    """CT-009 to CT-016, CS-003 to CS-005."""
    assert row.http == tuple(google_rules(row.name))


def test_no_rule_stands_in_two_rows() -> None:
    rules = [(rule.method, rule.path) for row in METHODS.values() for rule in row.http]
    assert len(rules) == len(set(rules))

"""The tables of methods are true: to Google's definitions, and to themselves."""

from dataclasses import MISSING, fields

import pytest

from gcptasks.base.errors import Unimplemented
from gcptasks.service.method import Method
from gcptasks.service.served import METHODS, TABLES, AnyMethod, method
from service.google_methods import methods_by_path, raw

GOOGLE = methods_by_path()
ROWS = [pytest.param(row, id=row.path) for row in METHODS.values()]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_the_messages_that_google_defines(row: AnyMethod) -> None:
    google = GOOGLE[row.path]
    assert (row.request, row.response) == (raw(google.request), raw(google.response))


def test_a_row_has_all_its_parts() -> None:
    # The type checkers see to it that they fit each other; nothing is there by default.
    assert [part.name for part in fields(Method) if part.default is not MISSING] == []
    assert [part.name for part in fields(Method) if part.default_factory is not MISSING] == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table[0].service)
def test_the_rows_of_a_table_are_of_one_api(table: tuple[AnyMethod, ...]) -> None:
    assert {row.path.rpartition("/")[0] for row in table} == {f"/{table[0].service}"}


def test_each_api_has_one_table() -> None:
    services = [table[0].service for table in TABLES]
    assert len(services) == len(set(services))


def test_no_method_stands_in_two_rows() -> None:
    assert len(METHODS) == sum(len(table) for table in TABLES)


@pytest.mark.parametrize("path", ["CreateTask", "/CreateTask", "google.cloud.tasks.v2.CloudTasks/CreateTask", "", "//"])
def test_what_is_not_a_full_path_is_not_served(path: str) -> None:
    with pytest.raises(Unimplemented, match=r"CreateQueue, CreateTask, "):
        method(path)

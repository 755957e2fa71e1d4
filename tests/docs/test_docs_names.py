"""What a user can name, the docs name."""

import inspect
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import cloudtask
import cloudtask.testing
import fastapi_gcp_tasks
from fastapi_gcp_tasks import (
    AsyncDelayedRouteBuilder,
    AsyncScheduledRouteBuilder,
    DelayedRouteBuilder,
    LocalService,
    ScheduledRouteBuilder,
    dependencies,
    exception,
    hooks,
    results,
    testing,
    utils,
)
from fastapi_gcp_tasks.protocols import (
    AsyncDelayOptions,
    AsyncSchedulerOptions,
    DelayOptions,
    SchedulerOptions,
    TaskDefaultOptions,
)
from fastapi_gcp_tasks.testing import ServiceTasks, TestTasks

ROOT = Path(__file__).parents[2]
DOCS = {page.name: page.read_text() for page in (ROOT / "docs").glob("*.md")}


@pytest.mark.parametrize("name", fastapi_gcp_tasks.__all__)
def test_the_reference_names_what_the_package_exports(name: str) -> None:
    assert f"`{name}`" in DOCS["reference.md"]


@pytest.mark.parametrize("name", results.__all__)
def test_the_reference_names_what_results_exports(name: str) -> None:
    assert f"`{name}`" in DOCS["reference.md"]


@pytest.mark.parametrize("name", cloudtask.__all__)
def test_the_reference_names_what_cloudtask_exports(name: str) -> None:
    assert re.search(rf"`{name}[`(\[]", DOCS["reference.md"])


@pytest.mark.parametrize("name", testing.__all__)
def test_the_reference_names_what_testing_exports(name: str) -> None:
    assert re.search(rf"`{name}[`(]", DOCS["reference.md"])
    assert name in cloudtask.testing.__all__


@pytest.mark.parametrize("name", sorted(name for name in {*dir(TestTasks), *dir(ServiceTasks)} if name[0] != "_"))
def test_the_page_on_tests_names_what_the_kit_has(name: str) -> None:
    assert re.search(rf"[`.]{name}\b", DOCS["testing.md"])


@pytest.mark.parametrize("option", inspect.signature(cloudtask.CloudTaskClient).parameters)
def test_the_page_names_the_options_of_a_client(option: str) -> None:
    assert f"`{option}`" in DOCS["functions.md"]


def public(module: ModuleType) -> list[str]:
    """The functions and classes that a module defines and does not hide."""
    named = {name: value for name, value in vars(module).items() if inspect.isroutine(value) or inspect.isclass(value)}
    return [name for name, value in named.items() if value.__module__ == module.__name__ and name[0] != "_"]


@pytest.mark.parametrize("module", [dependencies, exception, hooks, utils], ids=lambda module: module.__name__)
def test_the_reference_names_what_a_module_defines(module: ModuleType) -> None:
    names = public(module)
    assert names
    assert [name for name in names if f"`{name}" not in DOCS["reference.md"]] == []


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(DelayOptions.__optional_keys__, id="delay"),
        pytest.param(AsyncDelayOptions.__optional_keys__, id="async delay"),
        pytest.param(TaskDefaultOptions.__optional_keys__, id="defaults"),
    ],
)
def test_the_options_of_a_call_are_explained(options: frozenset[str]) -> None:
    assert options
    assert [name for name in options if f"`{name}`" not in DOCS["routes.md"]] == []


@pytest.mark.parametrize("options", [SchedulerOptions, AsyncSchedulerOptions])
def test_the_options_of_a_job_are_explained(options: Any) -> None:
    names = {"name", "schedule", *options.__optional_keys__}
    assert [
        name
        for name in names
        if f"| `{name}`" not in DOCS["scheduled.md"] and f", `{name}`" not in DOCS["scheduled.md"]
    ] == []


@pytest.mark.parametrize(
    "builder",
    [DelayedRouteBuilder, AsyncDelayedRouteBuilder, ScheduledRouteBuilder, AsyncScheduledRouteBuilder],
)
def test_the_options_of_a_builder_are_in_the_reference(builder: Callable[..., object]) -> None:
    assert [name for name in inspect.signature(builder).parameters if f"`{name}`" not in DOCS["reference.md"]] == []


def test_the_options_of_the_local_service_are_explained() -> None:
    named = list(inspect.signature(LocalService).parameters)[1:]
    assert [name for name in named if f"`{name}`" not in DOCS["local-service.md"]] == []


def test_every_extra_is_explained() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [extra for extra in extras if f"| `{extra}` |" not in DOCS["index.md"]] == []

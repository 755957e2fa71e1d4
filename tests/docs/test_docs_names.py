"""What a user can name, the docs name."""

import importlib
import inspect
import tomllib
from pathlib import Path

import pytest

import fastapi_gcp_tasks
from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, DelayedRouteBuilder, LocalService
from fastapi_gcp_tasks.protocols import AsyncDelayOptions, DelayOptions, TaskDefaultOptions

ROOT = Path(__file__).parents[2]
DOCS = {page.name: page.read_text() for page in (ROOT / "docs").glob("*.md")}


@pytest.mark.parametrize("name", fastapi_gcp_tasks.__all__)
def test_the_reference_names_what_the_package_exports(name: str) -> None:
    assert f"`{name}`" in DOCS["reference.md"]


@pytest.mark.parametrize("module", ["dependencies", "exception", "hooks", "utils"])
def test_the_reference_names_what_a_module_exports(module: str) -> None:
    names = importlib.import_module(f"fastapi_gcp_tasks.{module}").__all__
    assert [name for name in names if f"`{name}" not in DOCS["reference.md"]] == []


@pytest.mark.parametrize("options", [DelayOptions, AsyncDelayOptions, TaskDefaultOptions])
def test_the_options_of_a_call_are_explained(options: type) -> None:
    names = options.__annotations__
    assert names
    assert [name for name in names if f"`{name}`" not in DOCS["routes.md"]] == []


@pytest.mark.parametrize("builder", [DelayedRouteBuilder, AsyncDelayedRouteBuilder])
def test_the_options_of_a_builder_are_in_the_reference(builder: object) -> None:
    assert callable(builder)
    assert [name for name in inspect.signature(builder).parameters if f"`{name}`" not in DOCS["reference.md"]] == []


def test_the_options_of_the_local_service_are_explained() -> None:
    named = list(inspect.signature(LocalService).parameters)[1:]
    assert [name for name in named if f"`{name}`" not in DOCS["local-service.md"]] == []


def test_every_extra_is_explained() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [extra for extra in extras if f"| `{extra}` |" not in DOCS["index.md"]] == []

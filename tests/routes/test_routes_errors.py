"""What users catch: errors that tell where to import them from, and that arrive in another process as they are."""

import copy
import pickle
from importlib import import_module
from types import ModuleType

import pytest

import cloudtask
import fastapi_gcp_tasks
from fastapi_gcp_tasks import (
    BadMethodError,
    DoNotRetry,
    MissingParamError,
    RetryLater,
    TaskRouteError,
    WrongTypeError,
    results,
)
from fastapi_gcp_tasks.results import (
    KeyConflict,
    ResultMismatch,
    ResultTooLarge,
    TaskCancelled,
    TaskFailed,
    TaskNotFound,
)

ERRORS = [
    BadMethodError("it has two methods"),
    DoNotRetry("no such user"),
    MissingParamError("there is no name"),
    RetryLater(after=60),
    TaskRouteError("one fault"),
    TaskRouteError("one fault", "another"),
    WrongTypeError("not an int"),
    cloudtask.EagerTaskFailed("the worker answered 500", status=500, body=b"no"),
    KeyConflict("other arguments"),
    ResultMismatch("not an int", b'"a"'),
    ResultTooLarge("it has 2 MiB"),
    TaskCancelled("the task was cancelled"),
    TaskFailed("ValueError", "no such image", 3),
    TaskFailed("", "the task was deleted from its queue", 0),
    TaskNotFound("no such task"),
]


def of(error: BaseException) -> tuple[type[BaseException], str, dict[str, str]]:
    shown = {name: str(value) for name, value in vars(error).items()}
    return type(error), str(error), shown


def exported(module: ModuleType) -> list[type[BaseException]]:
    named: list[object] = [getattr(module, name) for name in module.__all__]
    return [kind for kind in named if isinstance(kind, type) and issubclass(kind, BaseException)]


def name_of(kind: type[BaseException]) -> str:
    return kind.__name__


PUBLIC = sorted({*exported(fastapi_gcp_tasks), *exported(results), *exported(cloudtask)}, key=name_of)


@pytest.mark.parametrize("kind", PUBLIC, ids=name_of)
def test_an_error_names_a_module_that_users_import_it_from(kind: type[BaseException]) -> None:
    assert not kind.__module__.startswith("gcptasks")
    assert getattr(import_module(kind.__module__), kind.__qualname__) is kind


def test_each_public_error_has_an_example_here() -> None:
    assert {type(error) for error in ERRORS} == set(PUBLIC)


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_an_error_arrives_in_another_process_as_it_is(error: BaseException) -> None:
    assert of(pickle.loads(pickle.dumps(error))) == of(error)
    assert of(copy.copy(error)) == of(error)

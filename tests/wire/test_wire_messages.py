"""What the stubs promise is what Google's messages have."""

import ast
from pathlib import Path
from types import ModuleType

import pytest
from google.cloud import tasks_v2

from gcptasks.wire import common
from gcptasks.wire.cloud_scheduler import messages as job_messages
from gcptasks.wire.cloud_tasks import messages

MODULES = [common, messages, job_messages]


def stubs_of(module: ModuleType) -> list[ast.ClassDef]:
    assert module.__file__ is not None
    stub = ast.parse(Path(module.__file__).with_suffix(".pyi").read_text())
    return [node for node in stub.body if isinstance(node, ast.ClassDef)]


CLASSES = [
    pytest.param(module, stub, id=f"{module.__name__}-{stub.name}") for module in MODULES for stub in stubs_of(module)
]


def fields_in(stub: ast.ClassDef) -> set[str]:
    plain = {n.target.id for n in stub.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    nested = {n.name for n in stub.body if isinstance(n, ast.FunctionDef) and n.name != "__init__"}
    return plain | nested


def arguments_in(stub: ast.ClassDef) -> set[str]:
    (init,) = (n for n in stub.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    return {argument.arg for argument in init.args.kwonlyargs}


@pytest.mark.parametrize(("module", "stub"), CLASSES)
def test_a_stub_names_fields_that_exist(module: ModuleType, stub: ast.ClassDef) -> None:
    # Not all of them: what the service does not read, nobody here should set.
    existing = set(getattr(module, stub.name).DESCRIPTOR.fields_by_name)
    assert fields_in(stub) <= existing
    assert arguments_in(stub) == fields_in(stub)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_stub_has_every_message_that_its_module_has(module: ModuleType) -> None:
    # Those of google.protobuf have types of their own.
    names = {name: getattr(module, name).DESCRIPTOR.full_name for name in module.__all__}
    typed = {name for name, full in names.items() if full.startswith("google.protobuf.")}
    assert {stub.name for stub in stubs_of(module)} | typed == set(module.__all__)


def test_a_message_is_the_one_that_googles_clients_send() -> None:
    sent = tasks_v2.CreateTaskRequest(parent="p", task=tasks_v2.Task(name="t"), response_view=tasks_v2.Task.View.FULL)
    assert isinstance(tasks_v2.CreateTaskRequest.pb(sent), messages.CreateTaskRequest)

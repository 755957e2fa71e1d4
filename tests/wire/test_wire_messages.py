"""What the stub promises is what Google's messages have."""

import ast
from pathlib import Path

import pytest
from google.cloud import tasks_v2

from gcptasks.wire import messages

STUB = ast.parse(Path(messages.__file__).with_suffix(".pyi").read_text())
CLASSES = [node for node in STUB.body if isinstance(node, ast.ClassDef)]


def fields_in(stub: ast.ClassDef) -> set[str]:
    plain = {n.target.id for n in stub.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    nested = {n.name for n in stub.body if isinstance(n, ast.FunctionDef) and n.name != "__init__"}
    return plain | nested


def arguments_in(stub: ast.ClassDef) -> set[str]:
    (init,) = (n for n in stub.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    return {argument.arg for argument in init.args.kwonlyargs}


@pytest.mark.parametrize("stub", CLASSES, ids=lambda stub: stub.name)
def test_the_stub_names_fields_that_exist(stub: ast.ClassDef) -> None:
    # Not all of them: what the service does not read, nobody here should set.
    existing = set(getattr(messages, stub.name).DESCRIPTOR.fields_by_name)
    assert fields_in(stub) <= existing
    assert arguments_in(stub) == fields_in(stub)


def test_the_stub_has_every_message_that_the_module_has() -> None:
    reexported = {"Duration", "Empty", "Timestamp"}
    assert {stub.name for stub in CLASSES} | reexported == set(vars(messages)["__all__"])


def test_a_message_is_the_one_that_googles_clients_send() -> None:
    sent = tasks_v2.CreateTaskRequest(parent="p", task=tasks_v2.Task(name="t"), response_view=tasks_v2.Task.View.FULL)
    assert isinstance(tasks_v2.CreateTaskRequest.pb(sent), messages.CreateTaskRequest)

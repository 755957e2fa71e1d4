"""A traceback shows the names of functions alone, so those that are made at registration have one each."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import fastapi_gcp_tasks

PACKAGE = Path(fastapi_gcp_tasks.__file__).parent


def made_functions(tree: ast.Module) -> Iterator[str]:
    for outer in ast.walk(tree):
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ast.walk(outer):
                if inner is not outer and isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield inner.name


def test_functions_inside_functions_have_names_of_their_own() -> None:
    found = [
        name
        for path in sorted(PACKAGE.glob("encode/*.py"))
        for name in made_functions(ast.parse(path.read_text("utf-8")))
    ]
    assert len(found) > 20
    assert [name for name, times in Counter(found).items() if times > 1] == []

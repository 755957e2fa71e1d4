"""The Python of README.md and docs/ runs.

The blocks of a page run in order, in one module. Above a block that can't run here stands `<!-- not run: reason -->`,
above one that another library shows `<!-- run with library -->`: it runs where that is installed.
"""

import ast
import asyncio
import logging
import re
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from inspect import iscoroutinefunction, signature
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fastapi_gcp_tasks.testing import AsyncTestTasks, TestTasks

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"(?P<skip><!-- not run: [^\n]+ -->\n)?(?:<!-- run with (?P<library>\w+) -->\n)?^```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PAGES = {
    str(page.relative_to(ROOT)): page.read_text()
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}


def blocks(page: str) -> Iterator[str]:
    """Each block to be run, moved down to its own line numbers."""
    text = PAGES[page]
    for found in BLOCK.finditer(text):
        if not found["skip"] and (found["library"] is None or find_spec(found["library"])):
            yield "\n" * text.count("\n", 0, found.start("code")) + found["code"]


@pytest.fixture
def own_log_level() -> Iterator[None]:
    """What a page's libraries do to the level of the log, as Celery's worker does, ends with the page."""
    level = logging.root.level
    yield
    logging.root.setLevel(level)


@pytest.mark.usefixtures("own_log_level")
@pytest.mark.parametrize("page", [page for page in PAGES if any(blocks(page))])
def test_the_blocks_of_a_page_run(page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # a page may name a database file
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    for block in blocks(page):
        exec(compile(block, page, "exec"), module.__dict__)
    for name, test in vars(module).items():
        if name.startswith("test_") and signature(test).parameters:
            run_test(test, vars(module)["app"])


def run_test(test: Callable[..., Any], app: object) -> None:
    """As pytest does, with the fixture `tasks`."""
    if iscoroutinefunction(test):
        asyncio.run(run_async_test(test, app))
    else:
        with TestTasks(app) as tasks:
            test(tasks)


async def run_async_test(test: Callable[..., Any], app: object) -> None:
    async with AsyncTestTasks(app) as tasks:
        await test(tasks)


@pytest.mark.parametrize("page", PAGES)
def test_every_python_block_is_found(page: str) -> None:
    assert len(BLOCK.findall(PAGES[page])) == PAGES[page].count("```py")


def test_the_readme_and_the_quickstart_show_one_example() -> None:
    assert next(blocks("README.md")).strip() == next(blocks("docs/quickstart.md")).strip()


def test_the_example_in_the_repository_has_each_statement_of_the_readme() -> None:
    shown = ast.parse(next(blocks("README.md"))).body
    held = {ast.unparse(statement) for statement in ast.parse((ROOT / "examples/simple/main.py").read_text()).body}
    assert len(shown) > 10
    assert [
        ast.unparse(one) for one in shown if not isinstance(one, ast.ImportFrom) and ast.unparse(one) not in held
    ] == []

"""The workers of docs/functions.md, asked as their servers ask them."""

import io
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from docs.test_docs_examples import blocks
from functions.functions_shop import message, post

SECRET = {"X-PYCT-SECRET": "change-me"}
WELCOME = message("welcome", "123", email="u@example.com")


@pytest.fixture(scope="module")
def page() -> Iterator[ModuleType]:
    """The page as a module."""
    page = ModuleType("functions_page")
    sys.modules[page.__name__] = page
    try:
        for block in blocks(str(Path("docs/functions.md"))):
            exec(compile(block, "docs/functions.md", "exec"), page.__dict__)
        yield page
    finally:
        del sys.modules[page.__name__]


def of_wsgi(app: Any, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
    """What a WSGI app answers to a POST."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/tasks/run",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    started: list[Any] = []

    def start(*response: Any) -> None:
        started.append(response)

    parts = app(environ, start)
    try:
        content = b"".join(parts)
    finally:
        if close := getattr(parts, "close", None):
            close()
    status, answered, *_ = started[0]
    return int(status.partition(" ")[0]), {name.lower(): value for name, value in answered}, content


def django_app(page: ModuleType) -> Any:
    # It has no types of its own.
    settings: Any = import_module("django.conf").settings
    wsgi: Any = import_module("django.core.handlers.wsgi")
    path: Any = import_module("django.urls").path

    if not settings.configured:
        settings.configure(LOGGING_CONFIG=None, ALLOWED_HOSTS=["localhost"], USE_TZ=True)
    urls = ModuleType("functions_urls")
    vars(urls)["urlpatterns"] = [path("tasks/run", page.run_task_view)]
    sys.modules[urls.__name__] = urls
    settings.ROOT_URLCONF = urls.__name__
    return wsgi.WSGIHandler()


@pytest.fixture(params=["flask", "django"])
def worker(page: ModuleType, request: pytest.FixtureRequest) -> Any:
    return page.worker if request.param == "flask" else django_app(page)


def test_a_worker_of_another_framework_runs_tasks(worker: Any) -> None:
    status, _, content = of_wsgi(worker, WELCOME, SECRET)
    assert (status, content) == (200, b"")


def test_what_it_refuses_it_answers(worker: Any) -> None:
    asked: list[tuple[bytes, dict[str, str], int, bytes]] = [
        (WELCOME, {}, 403, b'{"detail":"not permitted"}'),
        (message("nothing"), SECRET, 404, b'{"detail":"no task of that path is registered"}'),
        (b"{", SECRET, 422, b'{"detail":"the body must be a JSON object'),
    ]
    for body, headers, expected, text in asked:
        status, answered, content = of_wsgi(worker, body, headers)
        assert (status, answered["content-type"]) == (expected, "application/json")
        assert content.startswith(text)


def test_it_hands_retry_after_on(page: ModuleType, worker: Any) -> None:
    from cloudtask import RetryLater

    def later() -> None:
        raise RetryLater(90)

    if "later" not in page.tasks.functions:
        page.tasks.task(name="later")(later)
    status, answered, _ = of_wsgi(worker, message("later"), SECRET)
    assert (status, answered["retry-after"]) == (503, "90")


async def test_the_router_of_the_page_runs_tasks(page: ModuleType) -> None:
    assert (await post(page.app, WELCOME, SECRET)).status == 200
    assert (await post(page.app, message("store", "a row"), SECRET)).status == 200
    assert (await post(page.app, WELCOME, {})).status == 403

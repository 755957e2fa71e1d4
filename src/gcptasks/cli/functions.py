"""Which tasks of an application are functions, and whether what is sent for them gets to their worker."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette

from cloudtask import CloudTaskClient
from cloudtask.fastapi import CloudTaskRouter
from fastapi_gcp_tasks.served_routes import (
    ServedRoute,
    answer_to,
    app_inside,
    http_scope,
    root_path_of,
    served_routes,
)
from fastapi_gcp_tasks.task_checks import LeadsHere
from gcptasks.cli.found import TaskRow


class FunctionsFound(NamedTuple):
    """What the `CloudTaskRouter`s of an application serve."""

    rows: tuple[TaskRow, ...]
    idle: tuple[str, ...]
    """The paths of those whose client has no function."""


def functions_in(app: Starlette, leads_here: LeadsHere | None) -> FunctionsFound:
    """The functions of each client that a `CloudTaskRouter` of the application serves."""
    order, root_path = served_routes(app), root_path_of(app_inside(app))
    paths: dict[CloudTaskClient, str] = {}
    for served in order:
        if router := _router_of(served):
            paths.setdefault(router.client, served.path)
    rows = (row for client, path in paths.items() for row in _rows(client, path, order, root_path, leads_here))
    return FunctionsFound(tuple(rows), tuple(path for client, path in paths.items() if not client.functions))


def _router_of(served: ServedRoute) -> CloudTaskRouter | None:
    """The router of functions whose route it is."""
    owner = getattr(getattr(served.route, "endpoint", None), "__self__", None)
    return owner if isinstance(owner, CloudTaskRouter) else None


def _rows(
    client: CloudTaskClient, path: str, order: list[ServedRoute], root_path: str, leads_here: LeadsHere | None
) -> Iterator[TaskRow]:
    """Its functions; `path` is one at which the application serves them."""
    said: dict[str, str | None] = {}
    for function in client.functions.values():
        url, queue = function.options.url, str(client.settings.queue_name(function.options.queue))
        is_here = leads_here is not None and leads_here(url)
        if is_here and url not in said:
            said[url] = _who_answers(client, url, order, root_path)
        faults: tuple[str, ...] = ()
        if wrong := said.get(url):
            parts = urlsplit(url)
            faults = (
                f"{function.name}: its tasks go to POST {url}, where {wrong}. The app serves it at {path}: "
                f"set url to {parts.scheme}://{parts.netloc}{root_path}{path}",
            )
        yield TaskRow(function.name, "POST", url, queue, "", is_here, faults)


def _who_answers(client: CloudTaskClient, url: str, order: list[ServedRoute], root_path: str) -> str | None:
    """Who answers at that URL, if that cannot be a worker of the client; None if it may be one.

    An endpoint of the application's own may be: it may call `execute`.
    """
    parts = urlsplit(url)
    path, host = unquote(parts.path) or "/", parts.netloc.rpartition("@")[2].encode()
    # With or without a slash at its end: Starlette redirects.
    for asked in (path, path.rstrip("/") if path.endswith("/") else path + "/"):
        answer = answer_to(order, http_scope("POST", asked, root_path=root_path, host=host))
        if answer is not None:
            break
    else:
        return "nothing answers (404)"
    if not answer.whole:
        return f"only {answer.served} is there (405)"
    router = _router_of(answer.served)
    return f"{answer.served} answers for another client" if router and router.client is not client else None

"""A router by which browsers and other services ask about tasks: `results_router`."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from inspect import isawaitable, iscoroutinefunction
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.params import Depends
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from fastapi_gcp_tasks.result_events import ResultEvents, event_id
from gcptasks.engine.task_records import Cancelled, ProgressInfo, TaskRecord, TaskStatus, is_record_id
from gcptasks.results import store as stores
from gcptasks.results.given import GivenStore
from gcptasks.results.record_options import MOST_LABELS
from gcptasks.results.store import ResultStore
from gcptasks.results.task_info import TaskInfo, info_of

Visible = Callable[[Request, TaskInfo], bool | Awaitable[bool]]

_NO_TASK: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such task"}}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The events; the data of each is what `GET /{id}` answers",
        "content": {"text/event-stream": {}},
    },
    204: {"description": "The task has ended, and the client has had its last event"},
}
_MOST_PAGES = 10
"""Of the store's, for one page of what is visible."""


class TaskErrorAnswer(BaseModel):
    """What an attempt failed with. Its traceback is for the log."""

    type: str
    message: str


class TaskAnswer(BaseModel):
    """What is known of a task."""

    id: str
    endpoint: str
    labels: Mapping[str, str]
    status: TaskStatus
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: ProgressInfo | None
    error: TaskErrorAnswer | None


class TaskResultAnswer(TaskAnswer):
    """What is known of a task, with its result."""

    result: Any = None


class TaskPage(BaseModel):
    """Some tasks, the newest first."""

    tasks: list[TaskAnswer]
    next: str | None
    """`after` of the next page."""


class CancelAnswer(BaseModel):
    """What came of cancelling."""

    cancelled: bool
    """Whether this request did it: not if the task had ended, or was cancelled before."""


def results_router(
    store: ResultStore | Callable[[], ResultStore],
    *,
    dependencies: Sequence[Depends] | None = None,
    visible: Visible | None = None,
    include_result: bool = False,
    public: bool = False,
) -> APIRouter:
    """A router that tells what becomes of tasks, and cancels them: `app.include_router(…, prefix="/tasks")`.

    `dependencies`: who may ask. Without them `public=True` must say that everybody may; `ValueError` otherwise.
    `visible`: whether a caller may know of a task; the others are not found.
    `include_result`: answer with results as well.
    """
    if not dependencies and not public:
        raise ValueError(
            "results_router needs dependencies= that say who may see and cancel tasks, such as [Depends(signed_in)]; "
            "public=True lets everybody do so"
        )
    tasks = _Tasks(GivenStore(store), visible)
    router = APIRouter(dependencies=dependencies)
    answer = _answer_with_result if include_result else _answer
    model = TaskResultAnswer if include_result else TaskAnswer

    @router.get("/")
    async def tasks_page(
        request: Request,
        endpoint: str | None = None,
        status: TaskStatus | None = None,
        label: Annotated[
            list[str] | None, Query(max_length=MOST_LABELS, description="`name=value`: one of its labels")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        after: Annotated[str | None, Query(description="`next` of the page before")] = None,
    ) -> TaskPage:
        """The tasks of an endpoint, in a status, with labels: the newest first."""
        labels = _labels(label or [])
        if labels is None or "\0" in "".join((endpoint or "", *labels, *labels.values())):
            return TaskPage(tasks=[], next=None)  # no record can have that
        query = stores.Query(endpoint=endpoint, status=status, labels=labels, limit=limit, after=after)
        records, following = await tasks.page(request, query)
        return TaskPage(tasks=[_answer(record) for record in records], next=following)

    @router.get("/{id}", response_model=model, responses=_NO_TASK)
    async def task(request: Request, id: str) -> Any:
        """What is known of a task."""
        return answer(await tasks.find(request, id))

    @router.get("/{id}/events", response_class=Response, responses=_NO_TASK | _EVENTS)
    async def task_events(request: Request, id: str) -> Response:
        """What is known of a task, as server-sent events: now, and again at each change, until it has ended."""
        record = await tasks.find(request, id)
        seen = request.headers.get("last-event-id")
        if record.status.final and seen == event_id(record):
            return Response(status_code=204)  # the browser does not come back any more

        async def data(record: TaskRecord) -> str | None:
            return answer(record).model_dump_json() if await tasks.shows(request, record) else None

        return ResultEvents(tasks.store.get().awaiting(), record, seen, data)

    @router.delete("/{id}", responses=_NO_TASK)
    async def cancel_task(request: Request, id: str) -> CancelAnswer:
        """Cancel a task: it does not start any more, and where it runs it is told to stop."""
        record = await tasks.find(request, id)
        change = await tasks.store.get().awaiting().change(id, record.run, Cancelled())
        return CancelAnswer(cancelled=change is not None and change.made)

    return router


class _Tasks:
    """The tasks that callers may know of."""

    def __init__(self, store: GivenStore, visible: Visible | None) -> None:
        self.store = store
        self._visible = visible

    async def find(self, request: Request, id: str) -> TaskRecord:
        """The record; 404 if there is none, or none for this caller."""
        record = await self.store.get().awaiting().get(id) if is_record_id(id) else None
        if record is None or not await self.shows(request, record):
            raise HTTPException(404, "there is no such task")
        return record

    async def shows(self, request: Request, record: TaskRecord) -> bool:
        """Whether the caller may know of it."""
        visible = self._visible
        if visible is None:
            return True
        if iscoroutinefunction(visible):
            shown: Any = await visible(request, info_of(record))
        else:
            shown = await run_in_threadpool(visible, request, info_of(record))
            if isawaitable(shown):
                shown = await shown
        return bool(shown)

    async def page(self, request: Request, query: stores.Query) -> tuple[list[TaskRecord], str | None]:
        """The records of a page that the caller may know of, and where the next one begins."""
        found: list[TaskRecord] = []
        after = query.after
        for _ in range(_MOST_PAGES):
            rest = query.limit - len(found)
            page = await self._stored_page(query, rest, after)
            found += [record for record in page.records if await self.shows(request, record)]
            after = page.next
            if after is None or len(found) == query.limit:
                break
        return found, after

    async def _stored_page(self, query: stores.Query, limit: int, after: str | None) -> stores.Page:
        try:
            return await self.store.get().awaiting().find(replace(query, limit=limit, after=after))
        except (ValueError, OverflowError):
            if after is None:
                raise
            raise HTTPException(422, "after must be `next` of a page") from None


def _labels(given: list[str]) -> dict[str, str] | None:
    """The labels; None if one name has two values."""
    labels: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise HTTPException(422, f"label must be name=value, not {one!r}")
        if labels.setdefault(name, value) != value:
            return None
    return labels


def _answer(record: TaskRecord) -> TaskAnswer:
    return TaskAnswer(**_told(record))


def _answer_with_result(record: TaskRecord) -> TaskResultAnswer:
    return TaskResultAnswer(**_told(record), result=_json(record.result))


def _told(record: TaskRecord) -> dict[str, Any]:
    told = {name: getattr(record, name) for name in TaskAnswer.model_fields}
    error = record.error
    told["error"] = None if error is None else TaskErrorAnswer(type=error.type, message=error.message)
    return told


def _json(result: bytes | None) -> Any:
    try:
        return None if result is None else json.loads(result)
    except ValueError:
        return None  # what an endpoint answered with may be no JSON

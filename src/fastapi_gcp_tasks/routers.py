"""Routers whose endpoints are tasks, to type checkers too: no cast is needed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, cast

from fastapi import APIRouter

from fastapi_gcp_tasks.delayed_route import AsyncDelayedRouteBuilder, DelayedRouteBuilder
from fastapi_gcp_tasks.option_checks import BaseUrl
from fastapi_gcp_tasks.protocols import AsyncDelayedTask, DelayedTask
from fastapi_gcp_tasks.task_route import TaskRoute, Verify

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

    from fastapi_gcp_tasks.hooks import DelayedTaskHook
    from fastapi_gcp_tasks.task_route import Results

P = ParamSpec("P")
R = TypeVar("R")


class MakesDelayed(Protocol):
    """Makes an endpoint a task of a `DelayedRouter`."""

    def __call__(self, endpoint: Callable[P, R], /) -> DelayedTask[P, R]: ...


class MakesAsyncDelayed(Protocol):
    """Makes an endpoint a task of an `AsyncDelayedRouter`."""

    def __call__(self, endpoint: Callable[P, R], /) -> AsyncDelayedTask[P, R]: ...


Makes = TypeVar("Makes")


class TaskRouter(APIRouter, Generic[Makes]):
    """A router whose verbs return what makes an endpoint a task."""

    def __init__(self, route_class: type[TaskRoute], router: dict[str, Any]) -> None:
        if "route_class" in router:
            raise TypeError(f"{type(self).__name__} has a route class of its own: use APIRouter(route_class=…) instead")
        super().__init__(route_class=route_class, **router)

    # APIRouter's verbs list its options one by one and return the endpoint's own type; with them, and not with these,
    # `.delay` would need a cast.

    def get(self, path: str, **options: Any) -> Makes:  # type: ignore[override]
        """A task whose request is a GET; the options are those of `APIRouter.get`."""
        return cast("Makes", super().get(path, **options))

    def put(self, path: str, **options: Any) -> Makes:  # type: ignore[override]
        """A task whose request is a PUT; the options are those of `APIRouter.put`."""
        return cast("Makes", super().put(path, **options))

    def post(self, path: str, **options: Any) -> Makes:  # type: ignore[override]
        """A task whose request is a POST; the options are those of `APIRouter.post`."""
        return cast("Makes", super().post(path, **options))

    def delete(self, path: str, **options: Any) -> Makes:  # type: ignore[override]
        """A task whose request is a DELETE; the options are those of `APIRouter.delete`."""
        return cast("Makes", super().delete(path, **options))

    def options(self, path: str, **options: Any) -> Makes:  # type: ignore[override]
        """A task whose request is an OPTIONS; the options are those of `APIRouter.options`."""
        return cast("Makes", super().options(path, **options))

    def head(self, path: str, **options: Any) -> Makes:  # type: ignore[override]
        """A task whose request is a HEAD; the options are those of `APIRouter.head`."""
        return cast("Makes", super().head(path, **options))

    def patch(self, path: str, **options: Any) -> Makes:  # type: ignore[override]
        """A task whose request is a PATCH; the options are those of `APIRouter.patch`."""
        return cast("Makes", super().patch(path, **options))


class DelayedRouter(TaskRouter[MakesDelayed]):
    """An `APIRouter` whose endpoints have `.delay` and `.options`, typed.

    It takes the options of `DelayedRouteBuilder` and, as `router`, those of `APIRouter`, such as `prefix`.
    """

    def __init__(
        self,
        *,
        queue_path: str,
        callback_base_url: BaseUrl | None = None,
        base_url: BaseUrl | None = None,
        task_create_timeout: float | None = 10.0,
        pre_create_hook: "DelayedTaskHook | None" = None,
        client: "CloudTasksClient | None" = None,
        auto_create_queue: bool = True,
        verify: Verify = None,
        results: "Results" = None,
        **router: Any,
    ) -> None:
        route_class = DelayedRouteBuilder(
            queue_path=queue_path,
            callback_base_url=callback_base_url,
            base_url=base_url,
            task_create_timeout=task_create_timeout,
            pre_create_hook=pre_create_hook,
            client=client,
            auto_create_queue=auto_create_queue,
            verify=verify,
            results=results,
        )
        super().__init__(route_class, router)


class AsyncDelayedRouter(TaskRouter[MakesAsyncDelayed]):
    """An `APIRouter` whose endpoints have `.delay`, to be awaited, and `.options`, typed.

    It takes the options of `AsyncDelayedRouteBuilder` and, as `router`, those of `APIRouter`, such as `prefix`.
    """

    def __init__(
        self,
        *,
        queue_path: str,
        callback_base_url: BaseUrl | None = None,
        base_url: BaseUrl | None = None,
        task_create_timeout: float | None = 10.0,
        pre_create_hook: "DelayedTaskHook | None" = None,
        client: "CloudTasksAsyncClient | Callable[[], CloudTasksAsyncClient] | None" = None,
        auto_create_queue: bool = False,
        verify: Verify = None,
        results: "Results" = None,
        **router: Any,
    ) -> None:
        route_class = AsyncDelayedRouteBuilder(
            queue_path=queue_path,
            callback_base_url=callback_base_url,
            base_url=base_url,
            task_create_timeout=task_create_timeout,
            pre_create_hook=pre_create_hook,
            client=client,
            auto_create_queue=auto_create_queue,
            verify=verify,
            results=results,
        )
        super().__init__(route_class, router)

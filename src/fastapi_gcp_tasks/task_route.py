"""What all routes of tasks do on the worker: who may call them, and whether they are tried again."""

import logging
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, Union

from fastapi import Depends, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException as StarletteHTTPException

from gcptasks.base.asgi import DELIVERY, RECORDING, VERIFIED
from gcptasks.base.log_text import log_text
from gcptasks.worker.progress_kinds import refuse_wrong_progress
from gcptasks.worker.raised import note_raised
from gcptasks.worker.retrying import DoNotRetry, RetryLater

if TYPE_CHECKING:
    from fastapi_gcp_tasks.verification import Verification
    from gcptasks.results.given import GivenStore
    from gcptasks.results.store import ResultStore
    from gcptasks.worker.recording import LastAttempts

    Results: TypeAlias = ResultStore | Callable[[], ResultStore] | None
    """What the builders' option `results` may be."""

Verify: TypeAlias = Union["Verification", Literal[False], None]
"""What the builders' option `verify` may be."""

_log = logging.getLogger("fastapi_gcp_tasks")


class TaskRoute(APIRoute):
    """A route whose endpoint is a task."""

    verification: ClassVar[Verify] = None
    results: "ClassVar[GivenStore | None]" = None
    """Where its tasks are recorded."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        if self.verification:
            settings["dependencies"] = _with(self.verification, settings.get("dependencies") or ())
        if self.results is None:
            super().__init__(path, endpoint, **settings)
        else:
            self._init_recorded(self.results, path, endpoint, settings)
        refuse_wrong_progress(self.dependant)

    def _init_recorded(
        self, results: "GivenStore", path: str, endpoint: Callable[..., Any], settings: dict[str, Any]
    ) -> None:
        # Here, as most tasks are not recorded.
        from fastapi_gcp_tasks.recorded_attempts import RecordedAttempts, begin_attempt, refuse_without_result

        dependencies = settings.get("dependencies") or ()
        if not any(one.dependency is begin_attempt for one in dependencies):  # a copy has it already
            settings["dependencies"] = [*dependencies, Depends(begin_attempt)]
        super().__init__(path, endpoint, **settings)
        refuse_without_result(self)
        attempts = RecordedAttempts(
            endpoint,
            self.handle,
            results,
            platform_checks=self.verification is False,
            last_attempts=self.last_attempts(),
        )
        # Of this route, so that those of others do not ask at each request whether they are recorded.
        self.handle = attempts.handle  # type: ignore[method-assign]

    def last_attempts(self) -> "LastAttempts | None":
        """What knows when the queue gives its tasks up."""
        return None

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, which answers to `RetryLater` and `DoNotRetry` as they ask."""
        handle = super().get_route_handler()
        unverified = self.verification is None

        # Raised as FastAPI's own exceptions: the app's handlers and its dependencies with `yield` see them as usual.
        async def handle_task(request: Request) -> Response:
            try:
                response = await handle(request)
            except Exception as error:
                note_raised(error)
                if unverified and not isinstance(error, _MAY_BE_REFUSALS):
                    _warn_if_nobody_verified(request)
                if RECORDING in request.scope:
                    request.scope[RECORDING].error = error
                if isinstance(error, RetryLater):
                    raise HTTPException(503, "to be tried again later", {"Retry-After": str(error.seconds)}) from error
                if isinstance(error, DoNotRetry):
                    _log.warning("%s is not tried again: %s", log_text(request.url.path), log_text(error.reason))
                    raise HTTPException(200, "not to be tried again") from error
                raise
            # Looked at here, since each attempt of a service of this process comes this way.
            if unverified and DELIVERY not in request.scope:
                _warn_if_nobody_verified(request)
            return response

        return handle_task


def verification_of(verify: Any) -> Verify:
    """What a builder was given as `verify`; `TypeError` for what is no verification."""
    if verify is None or verify is False:
        return verify
    from fastapi_gcp_tasks.verification import Verification

    if not isinstance(verify, Verification):
        raise TypeError(f"verify must be made by verify_oidc or verify_secret, or be False, not {verify!r}")
    return verify


def results_of(results: "Results", *, blocks: bool = False) -> "GivenStore | None":
    """What a builder was given as `results`; `TypeError` for what its calls cannot use."""
    if results is None:
        return None
    # Here, as most tasks are not recorded.
    from gcptasks.results.given import GivenStore

    return GivenStore(results, blocks=blocks)


def _with(verification: "Verification", dependencies: Any) -> list[Any]:
    # Before 0.137 `include_router` makes a new route of this class, from all the dependencies of the old one.
    if any(one.dependency is verification for one in dependencies):
        return list(dependencies)
    return [Depends(verification), *dependencies]


_MAY_BE_REFUSALS = (StarletteHTTPException, RequestValidationError)
"""What is raised where the task did not run, as by a check of the user's own."""
_warned = threading.Event()
"""Of this process: the reason is the same in all routes."""


def _warn_if_nobody_verified(request: Request) -> None:
    # An attempt of this process's own service cannot be forged.
    if _warned.is_set() or VERIFIED in request.scope or DELIVERY in request.scope:
        return
    _warned.set()
    _log.warning(
        "%s ran for a caller that nobody verified: whoever reaches this app can run its tasks. Give the route builder "
        "verify=verify_oidc(…) or verify=verify_secret(…), or verify=False if the platform checks callers",
        log_text(request.url.path),
    )

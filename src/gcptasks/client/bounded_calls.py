"""Calls that take no longer than they may, whoever makes them again.

Google's clients make some calls again where the service cannot be reached, for ten minutes, whatever `timeout` says:
that is the time of one attempt. So those calls are given retries of the same kind that end in time.
"""

import math
import time
from collections.abc import Callable
from inspect import iscoroutinefunction, unwrap
from typing import Any

from gcptasks.client.api import Api
from gcptasks.client.call_flows import Call, Flow


class TimeLimit:
    """The time that calls have together, from the first on."""

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._began: float | None = None

    def left(self) -> float | None:
        """The seconds that are left for the next call; None for no limit. Less than a tenth of a second is no time."""
        if self._timeout is None:
            return None
        now = time.monotonic()
        if self._began is None:
            self._began = now
        return max(self._timeout - math.floor((now - self._began) * 10) / 10, 0.0)


def bounded(method: str, request: Any, limit: TimeLimit) -> Flow[Any]:
    """The answer to one call, as `call_flows.call`; it raises what the last attempt did when the time is over."""
    from google.api_core.exceptions import RetryError

    try:
        return (yield Call(method, request, limit.left()))
    except RetryError as error:
        # What others raise who make no call again. It says more, and those who catch what calls raise catch it.
        raise (error.cause or error) from error


class ClientCalls:
    """Makes the calls of flows on a client of that API: what to give `drive` and `drive_async` as `send`."""

    def __init__(self, api: Api[Any, Any], client: Any) -> None:
        self._api = api
        self._client: object = client

    def __call__(self, step: Call) -> Any:
        """The answer; of an async client, what to await for it."""
        if step.timeout is None or not self._tries_again(step.method):
            return step.on(self._client)
        call = getattr(self._client, step.method)
        return call(request=step.request, timeout=_Left(step.timeout), retry=_retry(call, step.timeout))

    def _tries_again(self, method: str) -> bool:
        """Whether it is Google's own: others, as those of users' fakes, are given a request and a timeout alone."""
        if method not in self._api.tried_again or method in vars(self._client):
            return False
        own = unwrap(getattr(type(self._client), method, _retry))
        kinds = self._api.client, self._api.async_client
        return any(own is unwrap(getattr(kind.load(), method)) for kind in kinds)


def _retry(call: Callable[..., Any], timeout: float) -> Any:
    """Google's own retry of calls, but for its end."""
    from google.api_core import exceptions, retry

    return (retry.AsyncRetry if iscoroutinefunction(call) else retry.Retry)(
        predicate=retry.if_exception_type(exceptions.DeadlineExceeded, exceptions.ServiceUnavailable),
        initial=0.1,
        maximum=60.0,
        multiplier=1.3,
        timeout=timeout,
    )


class _Left:
    """Google's clients take it in the place of a timeout: what sets the timeout of each attempt."""

    def __init__(self, timeout: float) -> None:
        self._ends = time.monotonic() + timeout

    def __call__(self, attempt: Callable[..., Any]) -> Callable[..., Any]:
        def attempt_in_time(*args: Any, **more: Any) -> Any:
            return attempt(*args, **more, timeout=max(self._ends - time.monotonic(), 0.0))

        return attempt_in_time

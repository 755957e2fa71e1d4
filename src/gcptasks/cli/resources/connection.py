"""The service that a command talks to, local or Google's: calls that give up soon, and errors in one line."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import Any

from gcptasks.base.errors import SetupError
from gcptasks.base.log_text import log_text
from gcptasks.client.admin_calls import CallFailed, nobody_answers
from gcptasks.client.api import Api, address

TIMEOUT = 10.0
"""Seconds that a call may take. Google's clients would go on for as much as ten minutes."""

_LARGEST_PAGE = 1000
_NO_CREDENTIALS = (
    "neither a local service nor credentials for Google are given. For a local service: --emulator localhost:8123, or "
    "the environment variable {variable}. For Google: gcloud auth application-default login, or the environment "
    "variable GOOGLE_APPLICATION_CREDENTIALS"
)


class NotThere(CallFailed):
    """What the call names does not exist."""


class Connection:
    """A service, called by Google's client of it: a method by its name, with the name of what the call is about."""

    def __init__(self, api: Api[Any, Any], emulator: str | None, timeout: float = TIMEOUT) -> None:
        self.local = address(emulator, "--emulator") if emulator is not None else api.emulator()
        """The address of the local service; None: it is Google's."""
        self._api = api
        self._timeout = timeout

    def __str__(self) -> str:
        return self.local or "Google Cloud"

    def project_of_credentials(self) -> str | None:
        """The project that Google's credentials are of. Raises `SetupError` if there are none."""
        with self._credentials():
            import google.auth

            project: str | None = google.auth.default()[1]
            return project

    def call(self, method: str, name: str, **request: Any) -> Any:
        """What the method answers about the resource of that name.

        Raises `CallFailed`, and `SetupError` if there are no credentials for Google.
        """
        from google.api_core.exceptions import GoogleAPICallError

        try:
            return getattr(self._client, method)(request={"name": name, **request}, retry=None, timeout=self._timeout)
        except GoogleAPICallError as error:
            raise self._failed(error, name) from error

    def call_pages(self, method: str, parent: str, most: int | None = None) -> list[Any]:
        """What the method lists in that parent, page by page, `most` of it at most. Raises as `call` does."""
        from google.api_core.exceptions import GoogleAPICallError

        request = {"parent": parent} if most is None else {"parent": parent, "page_size": min(most, _LARGEST_PAGE)}
        try:
            pages = getattr(self._client, method)(request=request, retry=None, timeout=self._timeout)
            return list(islice(pages, most))
        except GoogleAPICallError as error:
            raise self._failed(error, parent) from error

    @cached_property
    def _client(self) -> Any:
        with self._credentials():
            return self._api.make_client(self.local)

    def _failed(self, error: Any, name: str) -> CallFailed:
        from google.api_core.exceptions import DeadlineExceeded, NotFound, ServiceUnavailable

        code: Any = error.grpc_status_code
        message: str = error.message
        if isinstance(error, DeadlineExceeded):
            return CallFailed(f"{self} did not answer within {self._timeout:g} seconds")
        # A service that is there may be unavailable as well, and says why.
        if self.local and isinstance(error, ServiceUnavailable) and "Connection refused" in message:
            return CallFailed(nobody_answers(self.local))
        kind = NotThere if isinstance(error, NotFound) else CallFailed
        return kind(f"{name} on {self}: {log_text(message)} ({code.name if code else type(error).__name__})")

    @contextmanager
    def _credentials(self) -> Generator[None]:
        # Where this is no machine of Google's, nobody answers the question whether it is: ask once, not three times.
        os.environ.setdefault("GCE_METADATA_DETECT_RETRIES", "1")
        from google.auth.exceptions import DefaultCredentialsError

        try:
            yield
        except DefaultCredentialsError as error:
            if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
                raise SetupError(f"the credentials for Google cannot be used: {error}") from error
            raise SetupError(_NO_CREDENTIALS.format(variable=self._api.variable)) from error

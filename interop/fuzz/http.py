"""A connection over HTTP/1.1, and what may come back on it."""

import http.client
import json

from interop.fuzz.verdict import Verdict
from interop.service import Service

_PATIENCE = 30
"""Seconds after which a request hangs."""
_FAULTS = range(500, 600)
_NO_FAULTS = {501, 504}
"""Not served, and: what was waited for has not come."""
_IN_TEXT = {400, 403, 404, 405, 415}
"""What no path is, or no request of HTTP, is said in a text."""


class Http:
    """Asks a service over HTTP."""

    def __init__(self, service: Service) -> None:
        self._connection = http.client.HTTPConnection(service.host, service.port, timeout=_PATIENCE)

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str], *, writes: bool) -> Verdict:
        """Send a request, of a kind that `writes` if it is accepted."""
        said = f"{method} {path} {headers} {body!r}"
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Verdict(said, problem=f"no response: {type(error).__name__}: {error}")
        kind = response.headers.get_content_type()
        if problem := _wrong(response.status, kind, answer, is_head=method == "HEAD"):
            return Verdict(said, problem=f"{problem}: {response.status} {kind} {answer[:1000]!r}")
        return Verdict(said, may_write=response.status == 200 and writes)


def _wrong(status: int, kind: str, answer: bytes, *, is_head: bool) -> str:
    """What is wrong with a response."""
    if status in _FAULTS and status not in _NO_FAULTS:
        return "the service failed"
    if is_head or kind == "text/plain":
        return "" if status in _IN_TEXT or is_head else "a text where JSON is due"
    try:
        said = json.loads(answer)
    except ValueError:
        return "no JSON"
    if status == 200:
        return ""
    error = said.get("error", {})
    fits = error.get("code") == status and error.get("message") and error.get("status")
    return "" if fits else "a refusal that says too little"

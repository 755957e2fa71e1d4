"""The local service's own calls, over HTTP."""

import json
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlencode

from gcptasks.base.log_text import log_text

_TIMEOUT = 10.0
"""Seconds that a call may take that waits for nothing."""


class CallFailed(Exception):
    """The service refused, or did not answer."""


def nobody_answers(address: str) -> str:
    """What to say where no local service listens."""
    return (
        f"no local service answers at {address}: is it running? fastapi-gcp-tasks dev APP starts one beside an "
        "application, cloud-tasks-emulator one alone"
    )


class Answer(NamedTuple):
    """What a call was answered with."""

    status: int
    members: dict[str, Any]


class AdminCalls:
    """Calls the paths below `/admin` of the local service at an address, with the token if there is one.

    They raise `CallFailed` if nobody answers.
    """

    def __init__(self, address: str, token: str | None) -> None:
        self.address = address
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def get(self, path: str, query: dict[str, Any] | None = None, *, takes: float = 0.0) -> Answer:
        """The answer, whatever its status; `takes` is how many seconds the service may need for it."""
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        return self._call("GET", path + (f"?{urlencode(wanted)}" if wanted else ""), None, _TIMEOUT + takes)

    def post(self, path: str, body: dict[str, Any]) -> Answer:
        """The same of a call that changes something."""
        return self._call("POST", path, json.dumps(body), _TIMEOUT)

    def _call(self, method: str, path: str, body: str | None, timeout: float) -> Answer:
        host, _, port = self.address.rpartition(":")
        connection = HTTPConnection(host.strip("[]"), int(port), timeout=timeout)
        try:
            connection.request(method, f"/admin/{path}", body, self._headers)
            response = connection.getresponse()
            return self._answer(response.status, response.read())
        except ConnectionRefusedError:
            raise CallFailed(nobody_answers(self.address)) from None
        except TimeoutError:
            raise CallFailed(f"{self.address} did not answer within {timeout:g} seconds") from None
        except (OSError, HTTPException) as error:
            raise CallFailed(f"{self.address} cannot be called: {log_text(str(error))}") from error
        finally:
            connection.close()

    def _answer(self, status: int, body: bytes) -> Answer:
        try:
            members = json.loads(body)
        except ValueError:
            said = log_text(body.decode(errors="replace").partition("\n")[0])
            raise CallFailed(f"{self.address} answered with HTTP {status}: {said}") from None
        return Answer(status, members)


def done(answer: Answer) -> dict[str, Any]:
    """What was answered. Raises `CallFailed` if the call was refused."""
    if answer.status != 200:
        error = answer.members["error"]
        raise CallFailed(f"{log_text(error['message'])} ({error['status']})")
    return answer.members

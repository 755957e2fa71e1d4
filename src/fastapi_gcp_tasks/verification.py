"""Dependencies of workers that let in the queue, and nobody else."""

import logging
from collections.abc import Awaitable, Callable, Iterable

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool

from gcptasks.base.asgi import DELIVERY, VERIFIED
from gcptasks.base.log_text import log_text
from gcptasks.engine.header_rules import check_header
from gcptasks.worker.oidc import GOOGLE, OidcCheck, read_token
from gcptasks.worker.refusal import FORBIDDEN, INVALID_TOKEN, NO_KEYS, Refusal
from gcptasks.worker.secret import SecretCheck

_log = logging.getLogger("fastapi_gcp_tasks")

_SAID = {INVALID_TOKEN: "not authenticated", FORBIDDEN: "not permitted", NO_KEYS: "cannot be verified now"}
_HEADERS = {INVALID_TOKEN: {"WWW-Authenticate": "Bearer"}}


class Verification:
    """A dependency that lets in callers that pass a check. Made by `verify_oidc` or `verify_secret`."""

    def __init__(self, check: Callable[[Request], Awaitable[None]]) -> None:
        self._check = check

    async def __call__(self, request: Request) -> None:
        """Return if the caller may call; an answer without the reason if not, which is in the log."""
        try:
            await self._check(request)
        except Refusal as refusal:
            _log.warning("%s is refused to its caller: %s", log_text(request.url.path), log_text(refusal))
            raise HTTPException(refusal.status, _SAID[refusal.status], _HEADERS.get(refusal.status)) from None
        request.scope[VERIFIED] = True


def verify_oidc(
    *, audience: str | Iterable[str], service_accounts: Iterable[str], issuer: str = GOOGLE
) -> Verification:
    """A dependency that lets in callers with an OIDC token of one of these service accounts.

    `audience`: whom the token must be for, one or several: what the hook `oidc_delayed_hook` gave to the token, and by
    default of Google the URL of the task.
    `service_accounts`: the email addresses that may call.
    `issuer`: who signs the tokens, by default Google. Its keys are fetched from its discovery document and kept. With
    CLOUD_TASKS_EMULATOR_HOST or CLOUD_SCHEDULER_EMULATOR_HOST set, tokens of the service at that address are accepted
    too; in process, those of the `LocalService` that delivers.

    The caller gets 401 for a missing or invalid token, 403 for another account, 503 while the keys cannot be had. The
    reason is in the log of the worker. `ValueError` if there is no audience or no account.
    """
    oidc = OidcCheck(audience=audience, service_accounts=service_accounts, issuer=issuer)

    async def check(request: Request) -> None:
        delivery = request.scope.get(DELIVERY)
        token = read_token(request.headers.get("authorization"))
        while (keys := oidc.unfetched(token, delivery)) is not None:
            await run_in_threadpool(keys.fetch, token.key_id)
        oidc.check(token, delivery)

    return Verification(check)


def verify_secret(header: str, value: str) -> Verification:
    """A dependency that lets in callers that send this value in this header, compared in constant time.

    All others get 403. `ValueError` if the value is blank, or no task can carry the header.
    """
    secret = SecretCheck(value)
    check_header(header, value)

    async def check(request: Request) -> None:
        secret.check(request.headers.get(header))

    return Verification(check)

"""Who may make the service's own calls: whoever has the admin token, where one is needed."""

import hmac
from dataclasses import dataclass

from aiohttp import web

from gcptasks.base.errors import Unauthenticated

_NO_TOKEN = (
    "This path needs the admin token, in the header Authorization: Bearer TOKEN. The service shows it when it starts: "
    "a new one each time, unless it is given one by --admin-token or CLOUD_TASKS_ADMIN_TOKEN. The commands admin take "
    "it by these two as well."
)


@dataclass(frozen=True, slots=True)
class AdminGuard:
    """Who may call."""

    token: str
    asks_always: bool
    """Whether every path needs the token, and not only those that harm."""

    def check(self, request: web.Request, *, harmful: bool) -> None:
        """`Unauthenticated` if that request may not be made."""
        if not (harmful or self.asks_always):
            return
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # Bytes, as a text may have what is no ASCII; it takes as long whatever was guessed right.
        right = hmac.compare_digest(given.strip().encode(errors="replace"), self.token.encode())
        if scheme.lower() != "bearer" or not right:
            raise Unauthenticated(_NO_TOKEN)

"""Every target behind one: into the app where the URL is the app's, over HTTP otherwise."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from gcptasks.base.errors import Unreachable
from gcptasks.engine.delivery import Outgoing
from gcptasks.runtime.targets.address import AppUrl, parse_url
from gcptasks.runtime.targets.asgi import AsgiTarget
from gcptasks.runtime.targets.http import HttpTarget
from gcptasks.runtime.targets.redirect import MOST_REDIRECTS, next_request
from gcptasks.runtime.targets.target import HopReply, OnReply


class Targets:
    """Sends each attempt where its URL leads, and follows redirects on the way.

    `apps` has the app for the URLs that lead into one.
    """

    def __init__(self, apps: Mapping[AppUrl, AsgiTarget] | None = None, *, http: HttpTarget | None = None) -> None:
        # The longest first, so that one app may lie below another.
        self._apps = sorted((apps or {}).items(), key=lambda entry: len(entry[0].path), reverse=True)
        self._http = http or HttpTarget()

    async def send(self, request: Outgoing, on_reply: OnReply) -> None:
        """Tell how the attempt ended, after at most five redirects, all within its one deadline."""
        loop = asyncio.get_running_loop()
        until = loop.time() + request.deadline.total_seconds()
        hop = _Hop(request, on_reply)
        await self._pick(request.url).send(request, hop.on_reply)
        while hop.following is not None:
            following = replace(hop.following, deadline=timedelta(seconds=max(until - loop.time(), 0)))
            hop = _Hop(following, on_reply, hop.number + 1)
            await self._pick(following.url).send(following, hop.on_reply)

    async def close(self) -> None:
        await asyncio.gather(self._http.close(), *(target.close() for _, target in self._apps))

    def _pick(self, url: str) -> AsgiTarget | HttpTarget:
        if self._apps:
            try:
                address = parse_url(url)
            except Unreachable:
                # Which HTTP will say in its response.
                return self._http
            path = address.path
            for (origin, prefix), target in self._apps:
                if origin == address.origin and (path == prefix or path.startswith(prefix + "/")):
                    return target
        return self._http


class _Hop:
    """One request of an attempt: its response is the attempt's, unless it is a redirect to follow."""

    __slots__ = ("_request", "_tell", "following", "number")

    def __init__(self, request: Outgoing, tell: OnReply, number: int = 0) -> None:
        self._request = request
        self._tell = tell
        self.following: Outgoing | None = None
        self.number = number

    def on_reply(self, response: HopReply) -> None:
        following = next_request(self._request, response)
        if following is None:
            self._tell(self._explained(response))
        elif self.number == MOST_REDIRECTS:
            self._tell(replace(response, reason=f"more than {MOST_REDIRECTS} redirects"))
        else:
            self.following = following

    def _explained(self, response: HopReply) -> HopReply:
        if not self.number or not response.reason:
            return response
        return replace(response, reason=f"redirected to {self._request.url}: {response.reason}")

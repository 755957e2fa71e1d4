"""Every target behind one: into the app where the URL is the app's, over HTTP otherwise."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from gcptasks.base.errors import Unreachable
from gcptasks.engine.delivery import Outgoing
from gcptasks.runtime.targets.address import AppUrl, parse_url, without_user
from gcptasks.runtime.targets.asgi import AsgiTarget
from gcptasks.runtime.targets.http import HttpTarget
from gcptasks.runtime.targets.redirect import MOST_REDIRECTS, next_request
from gcptasks.runtime.targets.target import HopReply, IsWanted, NotSent, OnReply, always, late
from gcptasks.runtime.tokens import Tokens

Pick = Callable[[str], AsgiTarget | HttpTarget]


class Targets:
    """Sends each attempt where its URL leads, and follows redirects on the way.

    `apps` has the app for the URLs that lead into one, `tokens` signs what requests want signed.
    `http` is where all other URLs lead; a test has an app in that place.
    """

    def __init__(
        self,
        apps: Mapping[AppUrl, AsgiTarget] | None = None,
        *,
        tokens: Tokens | None = None,
        http: HttpTarget | AsgiTarget | None = None,
    ) -> None:
        self._tokens = tokens
        # The longest first, so that one app may lie below another.
        self._apps = sorted((apps or {}).items(), key=lambda entry: len(entry[0].path), reverse=True)
        self._http = http or HttpTarget()

    async def send(self, request: Outgoing, on_reply: OnReply, wanted: IsWanted = always) -> None:
        """Tell how the attempt ended, after at most five redirects, all within its one deadline.

        An app may redirect within itself and out; into an app no redirect from elsewhere is followed, since whoever
        is outside would act there in the name of the queue.
        """
        if request.token is not None and self._tokens is not None:
            request = await self._tokens.authorize(request, request.token)
        target = self._pick(request.url)
        hops = _Hops(self._pick, target, request, on_reply)
        await target.send(request, hops.on_reply, wanted)
        while hops.following is not None:
            request = hops.take(hops.following)
            try:
                await hops.target.send(request, hops.on_reply)
            except NotSent:
                # What was redirected had been sent.
                raise asyncio.CancelledError from None

    async def close(self) -> None:
        await asyncio.gather(self._http.close(), *(target.close() for _, target in self._apps))

    @property
    def has_apps(self) -> bool:
        """Whether there are apps of this process that attempts may go to."""
        return bool(self._apps)

    def leads_into_an_app(self, url: str) -> bool:
        """Whether attempts at that URL go to an app of this process."""
        return isinstance(self._pick(url), AsgiTarget)

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


class _Hops:
    """The requests of one attempt: its own, and those that redirects lead to."""

    __slots__ = ("_count", "_expiry", "_pick", "_request", "_tell", "_until", "following", "target")

    def __init__(self, pick: Pick, target: AsgiTarget | HttpTarget, request: Outgoing, tell: OnReply) -> None:
        self._pick = pick
        self.target = target
        """Who is asked now."""
        self._request = request
        self._tell = tell
        self._until = 0.0
        self._count = 0
        self.following: Outgoing | None = None
        """The request to go on with, once the hop before it is over."""

    def on_reply(self, response: HopReply) -> None:
        """The response to one hop is the attempt's, unless it is a redirect to follow."""
        following = None if response.location is None else next_request(self._request, response)
        if following is None:
            self._tell(self._explained(response) if self._count else response)
        elif self._count == MOST_REDIRECTS:
            self._tell(replace(response, reason=f"more than {MOST_REDIRECTS} redirects"))
        elif self._leads_into_an_app(following.url):
            reason = f"redirected into the app, to {without_user(following.url)}: only the app itself may do that"
            self._tell(replace(response, reason=reason))
        else:
            self.following = following
            self._until = response.until
            # The app that redirects may go on for long after its response, and it is waited for.
            self._expiry = asyncio.get_running_loop().call_at(self._until, self._expire)

    def take(self, following: Outgoing) -> Outgoing:
        """Go on with that request: what is to be sent to the new `target`, with what is left of the deadline."""
        self._expiry.cancel()
        self._count += 1
        self._request, self.following = following, None
        self.target = self._pick(following.url)
        return replace(following, deadline=timedelta(seconds=max(self._until - asyncio.get_running_loop().time(), 0)))

    def _expire(self) -> None:
        self.following = None
        self._tell(late(self._request.deadline))

    def _leads_into_an_app(self, url: str) -> bool:
        target = self._pick(url)
        return target is not self.target and isinstance(target, AsgiTarget)

    def _explained(self, response: HopReply) -> HopReply:
        if not response.reason:
            return response
        return replace(response, reason=f"redirected to {without_user(self._request.url)}: {response.reason}")

"""Every target behind one: into the app where the URL is the app's, over HTTP otherwise."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from gcptasks.base.errors import SetupError, Unreachable
from gcptasks.engine.model import Reply
from gcptasks.runtime.targets.address import Origin, parse_url
from gcptasks.runtime.targets.asgi import AsgiTarget
from gcptasks.runtime.targets.http import HttpTarget
from gcptasks.runtime.targets.redirect import MOST_REDIRECTS, next_request
from gcptasks.runtime.targets.target import Answer, Outgoing


class Targets:
    """Sends each attempt where its URL leads, and follows redirects on the way.

    `apps` maps URL prefixes, such as `http://app.local` or `http://app.local/api`, to the app that serves them.
    """

    def __init__(self, apps: Mapping[str, AsgiTarget] | None = None, *, http: HttpTarget | None = None) -> None:
        prefixes = [(*_prefix(url), target) for url, target in (apps or {}).items()]
        # The longest first, so that one app may lie below another.
        self._apps = sorted(prefixes, key=lambda entry: len(entry[1]), reverse=True)
        self._http = http or HttpTarget()

    async def send(self, request: Outgoing) -> Reply:
        """How the attempt ended, after at most five redirects, all within its one deadline."""
        loop = asyncio.get_running_loop()
        until = loop.time() + request.deadline.total_seconds()
        answer = await self._pick(request.url).send(request)
        for _ in range(MOST_REDIRECTS):
            following = next_request(request, answer)
            if following is None:
                return answer
            request = replace(following, deadline=timedelta(seconds=max(until - loop.time(), 0)))
            answer = _told(await self._pick(request.url).send(request), request.url)
        if next_request(request, answer) is None:
            return answer
        return replace(answer, reason=f"more than {MOST_REDIRECTS} redirects")

    async def close(self) -> None:
        await asyncio.gather(self._http.close(), *(target.close() for _, _, target in self._apps))

    def _pick(self, url: str) -> AsgiTarget | HttpTarget:
        if self._apps:
            try:
                address = parse_url(url)
            except Unreachable:
                # Which HTTP will say in its answer.
                return self._http
            path = address.path
            for origin, prefix, target in self._apps:
                if origin == address.origin and (path == prefix or path.startswith(prefix + "/")):
                    return target
        return self._http


def _prefix(url: str) -> tuple[Origin, str]:
    try:
        address = parse_url(url)
    except Unreachable as error:
        raise SetupError(f"app_url must be a URL such as http://app.local; {error}") from None
    if "?" in address.target:
        raise SetupError(f"app_url must have no query, unlike {url!r}")
    return address.origin, address.path.rstrip("/")


def _told(answer: Answer, url: str) -> Answer:
    return replace(answer, reason=f"redirected to {url}: {answer.reason}") if answer.reason else answer

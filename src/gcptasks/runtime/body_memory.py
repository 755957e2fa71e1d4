"""Memory for the large bodies of attempts under way.

Small bodies come with the lease. A large one stays in the database until there is room for it here, and is read when
its attempt is sent; the attempt's deadline begins then.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager

from gcptasks.base.budget import Budget, Share
from gcptasks.runtime.targets.target import NotSent

_SIZE = 96 * 1024 * 1024
_PARTS = 4
"""Of what others leave, one for each queue: so one whose workers hang does not take it all."""


class BodyMemory:
    """Room for so many bytes of bodies. One body always fits, whatever its size."""

    def __init__(self, size: int = _SIZE) -> None:
        self._budget = Budget(size, parts=_PARTS)
        self._shares: dict[Hashable, Share] = {}
        self._keys = itertools.count()

    @asynccontextmanager
    async def room(self, owner: Hashable, size: int) -> AsyncGenerator[None]:
        """Have room for a body inside of the block, as soon as there is some; `NotSent` if cancelled before."""
        share = self._shares.get(owner)
        if share is None:
            share = self._shares[owner] = Share(self._budget)
        await self._wait(share, size)
        try:
            yield
        finally:
            share.grant(-size)
            if share.is_idle():
                # Another of its attempts may have had the share dropped before.
                self._shares.pop(owner, None)

    async def _wait(self, share: Share, size: int) -> None:
        key = next(self._keys)
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if share.ask(key, size, lambda: ready.set_result(None)):
            return
        try:
            # Shielded, so that who is cancelled in the very turn in which there is room still learns of it.
            await asyncio.shield(ready)
        except asyncio.CancelledError:
            if ready.done():
                share.grant(-size)
            share.forget(key)
            raise NotSent from None

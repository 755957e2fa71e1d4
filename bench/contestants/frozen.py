"""Keeping what is imported out of garbage collection: a full one of it holds a loop for long.

Ours and the peers' programs do so alike, as far as they are Python, when all that they use is imported.
"""

import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


def freeze() -> None:
    """Have nothing that is there now looked at again."""
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def lifespan(app: object) -> AsyncGenerator[None]:
    """Of an application that freezes as it starts."""
    freeze()
    yield

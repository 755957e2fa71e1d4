from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from runtime.runtime_world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(None)
    await world.dispatcher.start()
    yield world
    world.target.gate.set()
    await world.dispatcher.stop(timedelta(seconds=5))
    world.store.close()

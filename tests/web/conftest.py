"""A service on a free port, asked over HTTP."""

from collections.abc import AsyncIterator

import pytest

from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from web.web_clients import Rest


@pytest.fixture
async def rest() -> AsyncIterator[Rest]:
    async with emulating(PortSettings(port=0, host="127.0.0.1")) as emulator, Rest(emulator) as client:
        yield client

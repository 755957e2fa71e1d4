"""What holds for every test: hypothesis profiles, the event loop, and no network beyond this machine."""

import asyncio
import ipaddress
import os
import sys
from collections.abc import Callable, Generator, Mapping
from typing import Any

import pytest
from hypothesis import settings

from loops import LOOP, NEW_LOOP

# A change, not a throw of the dice, decides whether `make test` is green; the others go looking.
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.register_profile("dev", deadline=None)
settings.register_profile("deep", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {LOOP: NEW_LOOP}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A report whose log can be handed on from process to process, which lone surrogates cannot."""
    report = yield
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]
    return report


def _is_here(host: object) -> bool:
    if host in ("", "localhost", None):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _refuse_the_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect":
        return
    address: Any = arguments[1]
    # A Unix socket has a path for an address; the others a tuple that begins with the host.
    if not isinstance(address, str | bytes) and not _is_here(address[0]):
        raise ConnectionRefusedError(f"a test may not leave this machine: {address}")


sys.addaudithook(_refuse_the_network)

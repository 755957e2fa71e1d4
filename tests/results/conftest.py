"""Stores of results, each by its name: a fixture `NAME_results` gives what makes one."""

from pathlib import Path
from typing import Any

import pytest

from gcptasks.results.store import ResultStore
from gcptasks.server.local_service import LocalService
from results.results_store_suite import MakeResults


@pytest.fixture
def memory_results() -> MakeResults:
    return LocalService("memory:", app_url="http://app.local").results


@pytest.fixture
def file_results(tmp_path: Path) -> MakeResults:
    """Each on a connection of its own, as the processes of one file have it."""

    def make(**options: Any) -> ResultStore:
        return LocalService(f"sqlite:///{tmp_path}/tasks.db", app_url="http://app.local").results(**options)

    return make

from collections.abc import Iterator
from pathlib import Path

import pytest

from gcptasks.base.events import Events
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store of each kind: one suite, every store runs it."""
    store = Store(parse_database(f"sqlite:///{tmp_path}/tasks.db" if request.param == "file" else "memory:"), Events())
    yield store
    store.close()


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[Store]:
    store = Store(parse_database(f"sqlite:///{tmp_path}/tasks.db"), Events())
    yield store
    store.close()

from collections.abc import Iterator

import pytest

from gcptasks.testing.kit import TestTasks
from testing.testing_shop import NOON, Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def tasks(shop: Shop) -> Iterator[TestTasks]:
    """Those of the shop, at noon."""
    with TestTasks(shop.app) as tasks:
        tasks.freeze(NOON)
        yield tasks

"""The test kit: `with TestTasks(app) as tasks:`, and what its calls return. In pytest the fixture `tasks` is one."""

from typing import TYPE_CHECKING

from gcptasks.base.lazy_names import lazy_names
from gcptasks.testing import PUBLIC

if TYPE_CHECKING:
    from gcptasks.testing.attempt_faults import NextAttempt as NextAttempt
    from gcptasks.testing.enqueued import EnqueuedTask as EnqueuedTask
    from gcptasks.testing.kit import AsyncTestTasks as AsyncTestTasks
    from gcptasks.testing.kit import TestTasks as TestTasks
    from gcptasks.testing.runs import Outcome as Outcome
    from gcptasks.testing.runs import Run as Run
    from gcptasks.testing.service_tasks import ServiceTasks as ServiceTasks

__all__ = ["AsyncTestTasks", "EnqueuedTask", "NextAttempt", "Outcome", "Run", "ServiceTasks", "TestTasks"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, PUBLIC, dict.fromkeys(PUBLIC, "testing"))

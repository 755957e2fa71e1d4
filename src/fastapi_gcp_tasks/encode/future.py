"""What must lie in the future (`FutureDate`, `FutureDatetime`): it must still do so when the task is due.

pydantic asks at the call, and the worker asks again when the task arrives. So with a countdown the time between is
asked about here. A job runs again and again, without an end: nothing lies in the future of all its runs.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from fastapi_gcp_tasks.encode.parameters import Parameter, Values
from gcptasks.values.future import FutureCheck, asks_future
from gcptasks.values.refusal import NotCarried, wrong

DueCheck = Callable[[Values, datetime | None], None]
"""Raises WrongTypeError if a value would have passed when a task is due, at an aware time, or at some run of a job."""


def due_check(declared: Iterable[Parameter]) -> DueCheck | None:
    """The check of all parameters; None if no type asks for the future."""
    schemas: dict[str, Any] = {one.name: one.adapter.core_schema for one in declared}
    asking = {name: schema for name, schema in schemas.items() if asks_future(schema)}
    if not asking:
        return None

    def check_due(values: Values, due: datetime | None) -> None:
        for name in values.keys() & asking.keys():
            try:
                FutureCheck(due).check(asking[name], values[name])
            except NotCarried as refusal:
                raise wrong(name, refusal) from None

    return check_due

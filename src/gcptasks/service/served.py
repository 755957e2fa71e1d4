"""Everything that the local service serves: one table of methods for each API."""

from typing import Any

from gcptasks.base.errors import PermissionDenied, Unimplemented
from gcptasks.service import cloud_scheduler, cloud_tasks, locations, operations
from gcptasks.service.method import Method

AnyMethod = Method[Any, Any, Any, Any]

TABLES: tuple[tuple[AnyMethod, ...], ...] = (
    cloud_tasks.METHODS,
    cloud_scheduler.METHODS,
    locations.METHODS,
    operations.METHODS,
)
"""Another API is one more table here."""

METHODS: dict[str, AnyMethod] = {method.path: method for table in TABLES for method in table}
"""Every method by its path."""


def method(path: str) -> AnyMethod:
    """The method of that path, such as `/google.cloud.tasks.v2.CloudTasks/CreateTask`; `Unimplemented` if none is.

    `PermissionDenied` for what Google serves to nobody (CT-330).
    """
    found = METHODS.get(path)
    if found is None:
        if path in operations.CLOSED:
            raise PermissionDenied(operations.CLOSED_TEXT)
        raise Unimplemented(f"The local service does not serve {path} yet; it serves {_instead_of(path)}.")
    return found


def _instead_of(path: str) -> str:
    """What is served of the path's API; of all APIs, if that one is not served at all."""
    names: dict[str, list[str]] = {}
    for served in METHODS.values():
        names.setdefault(served.service, []).append(served.name)
    texts = {service: ", ".join(sorted(of_it)) for service, of_it in names.items()}
    service = path.strip("/").rpartition("/")[0]
    return texts.get(service) or "; ".join(f"{service}: {text}" for service, text in texts.items())

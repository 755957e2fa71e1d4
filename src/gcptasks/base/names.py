"""Resource names: parsed once at the edge, then carried as values.

A name that is not accepted raises in Google's own words (CT-023, CT-026, CT-028, CT-258). A malformed or incomplete
name raises INVALID_ARGUMENT here, where Google raises PERMISSION_DENIED (CT-L3).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from gcptasks.base.errors import Help, InvalidArgument

_REFERENCE = "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues"
_QUEUE_ID_HELP = Help("Definition of queue ID", f"{_REFERENCE}#Queue.FIELDS.name")
_QUEUE_NAME_HELP = Help("Definition of queue name", f"{_REFERENCE}#Queue.FIELDS.name")
_TASK_ID_HELP = Help("Definition of task ID", f"{_REFERENCE}.tasks#Task.FIELDS.name")
_TASK_NAME_HELP = Help("Definition of task name", f"{_REFERENCE}.tasks#Task.FIELDS.name")

_PROJECT = re.compile(r"[A-Za-z0-9:.\-]+")
_LOCATION = re.compile(r"[A-Za-z0-9\-]+")
_QUEUE_ID = re.compile(r"[A-Za-z0-9\-]{1,100}")
TASK_ID = re.compile(r"[A-Za-z0-9_\-]{1,500}")


# Named tuples: they are looked up in dictionaries all the time, and a tuple's hash costs a tenth of a dataclass's.


class ProjectName(NamedTuple):
    """`projects/P`."""

    project: str

    def __str__(self) -> str:
        return f"projects/{self.project}"


class LocationName(NamedTuple):
    """`projects/P/locations/L`."""

    project: str
    location: str

    def __str__(self) -> str:
        return f"projects/{self.project}/locations/{self.location}"


class QueueName(NamedTuple):
    """`projects/P/locations/L/queues/Q`."""

    location: LocationName
    queue: str

    def __str__(self) -> str:
        return f"{self.location}/queues/{self.queue}"


class TaskName(NamedTuple):
    """`projects/P/locations/L/queues/Q/tasks/T`."""

    queue: QueueName
    task: str

    def __str__(self) -> str:
        return f"{self.queue}/tasks/{self.task}"


def parse_project(text: str) -> ProjectName:
    """The project of that name. Raises `InvalidArgument` if the text is not one."""
    match text.split("/"):
        case ["projects", project] if _PROJECT.fullmatch(project):
            return ProjectName(project)
        case _:
            raise InvalidArgument(f'Project name must be formatted: "projects/<PROJECT_ID>", not {text!r}.')


@lru_cache(maxsize=1024)
def parse_location(text: str) -> LocationName:
    """The location of that name. Raises `InvalidArgument` if the text is not one."""
    match text.split("/"):
        case ["projects", project, "locations", location] if _is_place(project, location):
            return LocationName(project, location)
        case _:
            raise InvalidArgument(
                f'Location name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>", not {text!r}.'
            )


@lru_cache(maxsize=1024)
def parse_queue(text: str) -> QueueName:
    """The queue of that name. Raises `InvalidArgument` if the text is not one, in Google's words (CT-023, CT-028)."""
    match text.split("/"):
        case ["projects", project, "locations", location, "queues", queue] if _is_place(project, location):
            return _queue(LocationName(project, location), queue)
        case _:
            raise InvalidArgument(
                'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".',
                _QUEUE_NAME_HELP,
            )


def parse_task(text: str) -> TaskName:
    """The task of that name. Raises `InvalidArgument` if it is not one, in Google's words (CT-026, CT-028, CT-258)."""
    head, found, task = text.rpartition("/tasks/")
    parts = head.split("/")
    if not found or len(parts) != 6 or parts[0::2] != ["projects", "locations", "queues"]:
        raise InvalidArgument(
            'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>'
            '/queues/<QUEUE_ID>/tasks/<TASK_ID>".',
            _TASK_NAME_HELP,
        )
    queue = parse_queue(head)
    if not TASK_ID.fullmatch(task):
        raise InvalidArgument(
            f'Task ID "{task}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), '
            "or underscores (_). Task ID must between 1 and 500 characters.",
            _TASK_ID_HELP,
        )
    return TaskName(queue, task)


def _is_place(project: str, location: str) -> bool:
    return bool(_PROJECT.fullmatch(project) and _LOCATION.fullmatch(location))


def _queue(location: LocationName, queue: str) -> QueueName:
    if not _QUEUE_ID.fullmatch(queue):
        raise InvalidArgument(
            f'Queue ID "{queue}" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-). '
            "Queue ID must be between 1 and 100 characters.",
            _QUEUE_ID_HELP,
        )
    return QueueName(location, queue)

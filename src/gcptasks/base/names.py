"""Resource names: parsed once at the edge, then carried as values.

A name that is not accepted raises `InvalidArgument`, in Google's own words where there are any (CT-023, CT-026, CT-028,
CT-258); one of another shape raises `MalformedName`, which is an `InvalidArgument`. How calls refuse a name of another
shape is for `wire/resources.py`.
"""

from contextlib import suppress
from functools import lru_cache
from string import ascii_letters, digits
from typing import NamedTuple

from gcptasks.base.errors import Help, InvalidArgument, MalformedName

_REFERENCE = "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues"
_QUEUE_ID_HELP = Help("Definition of queue ID", f"{_REFERENCE}#Queue.FIELDS.name")
_QUEUE_NAME_HELP = Help("Definition of queue name", f"{_REFERENCE}#Queue.FIELDS.name")
_TASK_ID_HELP = Help("Definition of task ID", f"{_REFERENCE}.tasks#Task.FIELDS.name")
_TASK_NAME_HELP = Help("Definition of task name", f"{_REFERENCE}.tasks#Task.FIELDS.name")

# What ids are made of. Sets, since patterns would have to be compiled at each start of a program that has tasks.
_OF_LOCATIONS = _OF_QUEUES = frozenset(ascii_letters + digits + "-")
_OF_PROJECTS = _OF_LOCATIONS | {":", "."}
_OF_TASKS = _OF_QUEUES | {"_"}


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
        # At once, as each task is shown by it: by way of the queue's it takes twice the time.
        (project, location), queue = self.queue
        return f"projects/{project}/locations/{location}/queues/{queue}/tasks/{self.task}"


class JobName(NamedTuple):
    """`projects/P/locations/L/jobs/J`."""

    location: LocationName
    job: str

    def __str__(self) -> str:
        return f"{self.location}/jobs/{self.job}"


class OperationName(NamedTuple):
    """`projects/P/locations/L/operations/O`."""

    location: LocationName
    operation: str

    def __str__(self) -> str:
        return f"{self.location}/operations/{self.operation}"


def parse_project(text: str) -> ProjectName:
    """The project of that name. Raises `MalformedName` if the text is not one."""
    match text.split("/"):
        case ["projects", project] if is_project_id(project):
            return ProjectName(project)
        case _:
            raise MalformedName(f'Project name must be formatted: "projects/<PROJECT_ID>", not {text!r}.')


@lru_cache(maxsize=1024)
def parse_location(text: str) -> LocationName:
    """The location of that name. Raises `MalformedName` if the text is not one."""
    match text.split("/"):
        case ["projects", project, "locations", location] if is_project_id(project) and _is_location(location):
            return LocationName(project, location)
        case _:
            raise MalformedName(
                f'Location name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>", not {text!r}.'
            )


@lru_cache(maxsize=1024)
def parse_queue(text: str) -> QueueName:
    """The queue of that name. Raises `InvalidArgument` if the text is not one, in Google's words (CT-023, CT-028)."""
    match text.split("/"):
        case ["projects", project, "locations", location, "queues", queue] if is_project_id(project) and _is_location(
            location
        ):
            return _queue(LocationName(project, location), queue)
        case _:
            raise MalformedName(
                'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".',
                _QUEUE_NAME_HELP,
            )


def parse_task(text: str) -> TaskName:
    """The task of that name. Raises `InvalidArgument` if it is not one, in Google's words (CT-026, CT-028, CT-258)."""
    head, _, task = text.rpartition("/tasks/")
    try:
        queue = parse_queue(head)
    except MalformedName:
        raise _malformed_task() from None
    if not is_task_id(task):
        if "/" in task:
            raise _malformed_task()
        raise InvalidArgument(
            f'Task ID "{task}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), '
            "or underscores (_). Task ID must between 1 and 500 characters.",
            _TASK_ID_HELP,
        )
    return TaskName(queue, task)


def parse_job(text: str) -> JobName:
    """The job of that name. Raises `InvalidArgument` if the text is not one, in Google's words (CS-011, CS-012)."""
    match text.split("/"):
        case ["projects", project, "locations", location, "jobs", job] if (
            is_project_id(project) and _is_location(location) and is_job_id(job)
        ):
            return JobName(LocationName(project, location), job)
        case _:
            raise MalformedName(
                'Job name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/jobs/<JOB_ID>".'
            )


def parse_operation(text: str) -> OperationName:
    """The operation of that name. Raises `MalformedName` if the text is not one."""
    match text.split("/"):
        case ["projects", project, "locations", location, "operations", operation] if (
            is_project_id(project) and _is_location(location) and operation
        ):
            return OperationName(LocationName(project, location), operation)
        case _:
            raise MalformedName(
                "Operation name must be formatted: "
                f'"projects/<PROJECT_ID>/locations/<LOCATION_ID>/operations/<OPERATION_ID>", not {text!r}.'
            )


def parse_cmek_config(text: str) -> LocationName:
    """The location whose config has that name. Raises `MalformedName` if the text is none, in Google's words."""
    location, _, last = text.rpartition("/")
    if last == "cmekConfig":
        with suppress(MalformedName):
            return parse_location(location)
    raise MalformedName(
        'CMEK Config name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/cmekConfig".'
    )


def is_project_id(text: str) -> bool:
    """Whether it can stand behind `projects/`."""
    return bool(text) and _OF_PROJECTS.issuperset(text)


def is_task_id(text: str) -> bool:
    """Whether it can be the last part of a task's name."""
    return 0 < len(text) <= 500 and _OF_TASKS.issuperset(text)


def is_job_id(text: str) -> bool:
    """Whether it can be the last part of a job's name (CS-011)."""
    return is_task_id(text)


def _is_location(text: str) -> bool:
    return bool(text) and _OF_LOCATIONS.issuperset(text)


def _is_queue_id(text: str) -> bool:
    return 0 < len(text) <= 100 and _OF_QUEUES.issuperset(text)


def _malformed_task() -> MalformedName:
    return MalformedName(
        'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>'
        '/queues/<QUEUE_ID>/tasks/<TASK_ID>".',
        _TASK_NAME_HELP,
    )


def _queue(location: LocationName, queue: str) -> QueueName:
    if not _is_queue_id(queue):
        raise InvalidArgument(
            f'Queue ID "{queue}" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-). '
            "Queue ID must be between 1 and 100 characters.",
            _QUEUE_ID_HELP,
        )
    return QueueName(location, queue)

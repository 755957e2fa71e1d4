"""Where a command looks: in which locations, and what the full name of a resource is."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from gcptasks.base.errors import SetupError
from gcptasks.base.names import parse_job, parse_location, parse_project, parse_queue
from gcptasks.cli.resources.connection import Connection, NotThere

Answer = TypeVar("Answer")

_AT_ONCE = 10
_EVERY_PROJECT = "projects/-"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource that stands in a location."""

    word: str
    collection: str
    """The part of its names that comes before its id."""
    parse: Callable[[str], object]
    """The name as a value, checked."""

    @property
    def get(self) -> str:
        """The method that answers with one."""
        return f"get_{self.word}"

    @property
    def list(self) -> str:
        """The method that lists those of a location."""
        return f"list_{self.collection}"


QUEUE = Kind("queue", "queues", parse_queue)
JOB = Kind("job", "jobs", parse_job)


class Scope:
    """The locations that are meant.

    What was said needs no call. Otherwise the service is asked: Google for the locations of the project, the local
    service, which knows any project, for those in which there is something.
    """

    def __init__(self, connection: Connection, project: str | None, location: str | None) -> None:
        self.connection = connection
        if location is not None and "/" in location:
            project, location = _parts_of(location, project)
        self._project = project or os.environ.get("GOOGLE_CLOUD_PROJECT") or None
        self._location = location

    def __str__(self) -> str:
        """Where that is: `in projects/p on localhost:8123`."""
        parts = [f"projects/{self._project}"] if self._project else []
        parts += [f"locations/{self._location}"] if self._location else []
        return f"in {'/'.join(parts)} on {self.connection}" if parts else f"on {self.connection}"

    def locations(self) -> list[str]:
        """The names of the locations, as `projects/P/locations/L`."""
        project = self._project_name()
        if self._location is not None and project != _EVERY_PROJECT:
            return [str(parse_location(f"{project}/locations/{self._location}"))]
        return self._found(project)

    def all(self, kind: Kind) -> list[Any]:
        """All resources of that kind in these locations."""
        found = _each(lambda location: self.connection.call_pages(kind.list, location), self.locations())
        return [resource for resources in found for resource in resources]

    def full_name(self, kind: Kind, text: str) -> str:
        """The full name of the one resource that is meant by its id or its full name."""
        if "/" in text:
            return str(kind.parse(text))
        names = [f"{location}/{kind.collection}/{text}" for location in self.locations()]
        if len(names) > 1:
            there = _each(lambda name: self._exists(kind, name), names)
            names = [name for name, exists in zip(names, there, strict=True) if exists]
        match names:
            case [name]:
                return name
            case []:
                raise NotThere(f"there is no {kind.word} {text!r} {self}")
            case _:
                raise SetupError(
                    f"there are several {kind.collection} {text!r}, give the full name: {', '.join(names)}"
                )

    def _found(self, project: str) -> list[str]:
        found: list[str] = []
        token = ""
        while True:
            page = self.connection.call("list_locations", project, page_token=token)
            found += [place.name for place in page.locations if self._location in (None, place.location_id)]
            token = page.next_page_token
            if not token:
                return found

    def _exists(self, kind: Kind, name: str) -> bool:
        try:
            self.connection.call(kind.get, name)
        except NotThere:
            return False
        return True

    def _project_name(self) -> str:
        if self._project is None and self.connection.local is None:
            self._project = self.connection.project_of_credentials()
            if self._project is None:
                raise SetupError(
                    "which project of Google's? Give --project, --location projects/P/locations/L or a full name, or "
                    "set the environment variable GOOGLE_CLOUD_PROJECT"
                )
        return _EVERY_PROJECT if self._project is None else str(parse_project(f"projects/{self._project}"))


def _each(call: Callable[[str], Answer], names: list[str]) -> list[Answer]:
    """What each call answers, in the order of the names; side by side, since Google has some forty locations."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(call, names))


def _parts_of(location: str, project: str | None) -> tuple[str, str]:
    name = parse_location(location)
    if project not in (None, name.project):
        raise SetupError(f"--project is {project}, but --location is {location}")
    return name

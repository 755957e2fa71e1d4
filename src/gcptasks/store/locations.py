"""Locations in the database: those that queues and jobs are in."""

from gcptasks.base.names import LocationName, ProjectName, parse_job, parse_queue
from gcptasks.store.statements import Statements

_NEXT_QUEUE = "SELECT name FROM queues WHERE name > ? AND name < ? ORDER BY name LIMIT 1"
_NEXT_JOB = "SELECT name FROM jobs WHERE name > ? AND name < ? ORDER BY name LIMIT 1"


class Locations:
    """The locations as one transaction sees them."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def page(self, project: ProjectName | None, after: str, limit: int) -> list[LocationName]:
        """Up to `limit` locations of the project that have queues or jobs, beginning behind the one named `after`.

        Without a project: those of all projects.
        """
        # From one location straight to the next: what it costs does not depend on how much is there.
        first, end = (
            ("projects/", "projects0") if project is None else (f"{project}/locations/", f"{project}/locations0")
        )
        found = list[LocationName]()
        while len(found) < limit and (location := self._next(after, first, end)):
            found.append(location)
            after = str(location)
        return found

    def _next(self, after: str, first: str, end: str) -> LocationName | None:
        # "0" is the character after "/": it comes behind all names of a location.
        queue = self._sql.execute(_NEXT_QUEUE, (f"{after}/queues0" if after else first, end)).fetchone()
        job = self._sql.execute(_NEXT_JOB, (f"{after}/jobs0" if after else first, end)).fetchone()
        found = [parse_queue(queue[0]).location] if queue else []
        found += [parse_job(job[0]).location] if job else []
        return min(found, key=lambda location: f"{location}/", default=None)

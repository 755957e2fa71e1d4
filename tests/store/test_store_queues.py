from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.epoch import EPOCH
from gcptasks.base.events import Events
from gcptasks.base.names import JobName, LocationName, ProjectName, QueueName
from gcptasks.engine.job_model import Job, PubsubMessage
from gcptasks.engine.model import Queue
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx

IDS = st.text("a-0", min_size=1, max_size=3)
"""Ids whose order is another one once a `/` follows them."""
LOCATIONS = st.builds(LocationName, IDS, IDS)
NAMES = st.builds(QueueName, LOCATIONS, IDS) | st.builds(JobName, LOCATIONS, IDS)


def add(tx: Tx, names: set[QueueName | JobName]) -> None:
    for name in names:
        if isinstance(name, QueueName):
            tx.queues.insert(Queue(name=name))
        else:
            message = PubsubMessage(topic="projects/p/topics/t", data=b"x")
            tx.jobs.insert(
                Job(name=name, target=message, schedule="* * * * *", time_zone="UTC", updated_at=EPOCH, next_at=EPOCH)
            )


def locations(tx: Tx, project: ProjectName | None, after: str, limit: int) -> list[LocationName]:
    return tx.locations.page(project, after, limit)


@given(st.sets(NAMES, max_size=20), st.none() | st.builds(ProjectName, IDS), st.integers(1, 4))
def test_the_locations_of_a_project_or_of_all_are_found_each_once_page_by_page(
    names: set[QueueName | JobName], project: ProjectName | None, size: int
) -> None:
    store = Store(parse_database("memory:"), Events())
    store.write_sync(add, names)
    found: list[LocationName] = []
    while page := store.read(locations, project, str(found[-1]) if found else "", size):
        assert len(page) <= size
        found += page
    assert len(found) == len(set(found))
    assert set(found) == {n.location for n in names if project is None or n.location.project == project.project}

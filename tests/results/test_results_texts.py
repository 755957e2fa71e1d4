"""Whatever a text is made of, the stores in databases keep a record of it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gcptasks.engine.task_records import AttemptFailed, ErrorInfo, Heard, ProgressInfo, Started
from gcptasks.results.store import Attempt, Query
from results.results_store_suite import MakeResults, new

TEXTS = st.text(st.characters(codec=None, exclude_categories=()), max_size=20) | st.sampled_from(
    ["\x00", "\ud800", "a\udfffb\x00", "%s %(a)s :a {a}", "'\"\\", "\n\r\t", "🎬", "\\u0000", '","a":"b']
)


@pytest.fixture(params=["sqlite", "postgresql", "mysql", "redis"])
def make_results(request: pytest.FixtureRequest) -> MakeResults:
    found: MakeResults = request.getfixturevalue(f"{request.param}_results")
    return found


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, TEXTS, TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_every_text_can_be_kept_and_looked_for(
    make_results: MakeResults, endpoint: str, name: str, said: str, labels: dict[str, str]
) -> None:
    store = make_results().blocking()
    try:
        added = store.add(new(endpoint=endpoint, task_name=name, labels=labels))
        # What no database can write is replaced; what it can is kept as it is.
        assert len(added.endpoint) == len(endpoint)
        assert dict(added.labels) == labels
        assert store.change(added.id, 1, Started(added.endpoint)) is not None
        progress = ProgressInfo(1, note=said)
        assert store.change(added.id, 1, Heard(1, progress)) is not None
        error = ErrorInfo(said, said, said)
        failed = store.change(added.id, 1, AttemptFailed(1, error, for_good=True))
        assert failed is not None
        assert (failed.record.progress, failed.record.error) == (progress, error)
        assert store.get(added.id) == failed.record
        assert added.id in [record.id for record in store.find(Query(endpoint=endpoint, labels=labels)).records]
        for text in (endpoint, said):
            assert store.get(text) is None
            assert store.change(text, 1, Heard(1)) is None
            assert store.remove(text) is False
            assert store.cancelled([Attempt(text, 1, 1)]) == {Attempt(text, 1, 1)}
    finally:
        store.close()

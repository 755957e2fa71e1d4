"""A request of another FastAPI arrives as it was given: the lowest and the newest have left a record of theirs."""

import pytest

from encode.recorded_calls import CALLS, recorded, request_of
from gcptasks.values.equality import alike

# FastAPI 0.115 makes an adapter of each field of a model when a request arrives, and newer pydantic minds.
pytestmark = pytest.mark.filterwarnings("ignore:The .* attribute with value:UserWarning")

RECORDED = recorded()


def test_each_call_is_recorded() -> None:
    assert RECORDED.keys() == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_a_recorded_request_arrives_as_it_was_given(name: str) -> None:
    call = CALLS[name]
    worker = call.worker()
    for request in RECORDED[name]:
        status, answer = worker.deliver(request)
        assert status == 200, answer
        assert alike(call.value, worker.received.pop()["value"])


@pytest.mark.parametrize("name", CALLS)
def test_this_version_makes_a_request_that_is_recorded(name: str) -> None:
    """If not, run `recorded_calls.py` in both environments, and look at what changed."""
    assert request_of(CALLS[name]) in RECORDED[name]

"""A mask changes the field that it names, and no other."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.wire.cloud_tasks.messages import Queue
from gcptasks.wire.field_masks import is_path, take
from service.any_message import any_message


def _paths(kind: Descriptor, before: str = "") -> Iterator[str]:
    """All paths of such a message."""
    for field in kind.fields:
        yield before + field.name
        if field.message_type is not None and not field.is_repeated:
            yield from _paths(field.message_type, f"{before}{field.name}.")


DESCRIPTOR: Any = Queue.DESCRIPTOR
PATHS = list(_paths(DESCRIPTOR))
SEEDS = st.integers(0, 2**32)
TOKENS = ("http_target.oauth_token", "http_target.oidc_token")


def _value(message: Any, path: str) -> Any:
    """What the path leads to: a message as its bytes, and the default where nothing is."""
    for name in path.split("."):
        message = getattr(message, name)
    return message.SerializeToString() if hasattr(message, "SerializeToString") else str(message)


def _is_there(message: Any, path: str) -> bool:
    *parents, name = path.split(".")
    for parent in parents:
        if not message.HasField(parent):
            return False
        message = getattr(message, parent)
    return name in {field.name for field, _ in message.ListFields()}


def _related(path: str, other: str) -> bool:
    """Whether one of them is a part of the other, or takes its place."""
    if path.startswith(TOKENS) and other.startswith(TOKENS):
        return True
    return f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}.")


@given(st.sampled_from(PATHS), SEEDS, SEEDS)
def test_a_path_takes_what_was_sent_and_nothing_else(path: str, sent_seed: int, stored_seed: int) -> None:
    """CT-062, CT-276 to CT-280."""
    sent, stored = (any_message(Queue, Random(seed)) for seed in (sent_seed, stored_seed))
    result = Queue()
    result.CopyFrom(stored)
    take(path, sent, result)
    assert (_value(result, path), _is_there(result, path)) == (_value(sent, path), _is_there(sent, path))
    for other in PATHS:
        if not _related(path, other):
            assert (_value(result, other), _is_there(result, other)) == (
                _value(stored, other),
                _is_there(stored, other),
            )


@pytest.mark.parametrize("path", PATHS)
def test_every_path_of_a_message_is_one(path: str) -> None:
    assert is_path(path, Queue)
    assert not is_path(f"{path}.bogus", Queue)
    assert not is_path(f"{path}\0", Queue)

"""Filters are read as Google's for logs are, and no text makes trouble."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.errors import InvalidArgument
from gcptasks.wire.cloud_tasks.messages import Queue, RateLimits
from gcptasks.wire.filters import matching

NAMES = ["a", "b", "c"]
TERMS = st.sampled_from([f"name: {name}" for name in NAMES])
EXPRESSIONS = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        inner.map(lambda one: ("not", one)),
        st.tuples(st.just("and"), inner, inner),
        st.tuples(st.just("or"), inner, inner),
    ),
    max_leaves=12,
)


def _found(text: str, queue: Queue) -> bool:
    return matching(text, Queue)(queue)


def _written(expression: Any) -> str:
    """The expression with parentheses around each part."""
    match expression:
        case ("not", one):
            return f"NOT ({_written(one)})"
        case ("and", one, other):
            return f"({_written(one)}) AND ({_written(other)})"
        case ("or", one, other):
            return f"({_written(one)})OR({_written(other)})"
        case _:
            return str(expression)


def _meant(expression: Any, name: str) -> bool:
    match expression:
        case ("not", one):
            return not _meant(one, name)
        case ("and", one, other):
            return _meant(one, name) and _meant(other, name)
        case ("or", one, other):
            return _meant(one, name) or _meant(other, name)
        case _:
            return str(expression) == f"name: {name}"


@given(EXPRESSIONS, st.sampled_from(NAMES))
def test_what_is_joined_means_what_its_parts_mean(expression: Any, name: str) -> None:
    """CT-056."""
    assert _found(_written(expression), Queue(name=name)) == _meant(expression, name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: a OR name: b AND name: c", False),  # OR binds before AND
        ("name: c AND name: a OR name: b", False),
        ("name: a name: a", True),
        ("name: a name: b", False),
        ("name: b OR name: c OR name: a", True),
        ("-name: b -name: c", True),
        ("NOT name: a", False),
        ("NOT -name: a", True),
        ("NOT(name: b)", True),
        ("-(name: a OR name: b)", False),
        ("  ( name : a )  ", True),
        ("name='a'", True),
        ('name="a"', True),
        (r'name="\a"', True),
        (r'name: "\"a\""', False),
        ("name:a", True),
        ("name!=a", False),
        ("name>=b", False),
    ],
)
def test_how_comparisons_are_joined(text: str, expected: bool) -> None:
    """CT-056, CT-260."""
    assert _found(text, Queue(name="a")) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("state", "one of <= < >= > != = : after state at its end."),
        ("state:", "a value after state : at its end."),
        ("(state: PAUSED", "')' at its end."),
        ("state: PAUSED)", "AND, OR or the end of the filter at character 14, not ')'."),
        ("AND state: PAUSED", "one of <= < >= > != = : after AND at character 5, not 'state: PAUSED'."),
        ("state: PAUSED AND", "a field at its end."),
        ("state: PAUSED OR OR", "one of <= < >= > != = : after OR at its end."),
        ("NOT", "a field at its end."),
        ("()", "a field at character 2, not ')'."),
        ("state: \"PAUSED", "a value after state : at character 8, not '\"PAUSED'."),
        ("1 = 1", "a field at character 1, not '1 = 1'."),
        ("state ~ PAUSED", "one of <= < >= > != = : after state at character 7, not '~ PAUSED'."),
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        matching(text, Queue)
    assert refused.value.message == f"Invalid filter: there should be {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 60, "The filter has more than 50 parentheses within each other."),
        ("name: a " * 101, "The filter has more than 100 comparisons."),
        ("-" * 10_001, "The filter is too long: it has 10001 characters, and at most 10000 can be."),
    ],
)
def test_a_filter_has_a_size_that_makes_sense(text: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        matching(text, Queue)
    assert refused.value.message == message


@pytest.mark.parametrize(
    "text", ["-" * 9_990 + "name: a", "(" * 50 + "name: a" + ")" * 50, "name: a OR " * 99 + "name: a"]
)
def test_a_filter_of_that_size_is_read(text: str) -> None:
    assert _found(text, Queue(name="a"))


@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            ["state", "name", "purge_time", "rate_limits.", "retry_config.min_backoff", ":", "=", "<", "!=", "*", "-",
             "(", ")", "AND", "OR", "NOT", " ", '"', "'", "\\", "PAUSED", "1", "1e999", "0.5s", "9" * 400, "ß", "\0",
             '"2020-01-01T00:00:00Z"', '"9999-99-99T99:99:99Z"', "2020-01-01T00:00:00.0000000000001+99:99"]
        ),
        max_size=12,
    ).map("".join)
)  # fmt: skip
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    """CT-271."""
    try:
        finds = matching(text, Queue)
    except InvalidArgument:
        return
    assert finds(Queue(name="a", rate_limits=RateLimits(max_dispatches_per_second=1))) in (True, False)

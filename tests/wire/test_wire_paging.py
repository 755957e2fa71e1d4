from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.errors import InvalidArgument
from gcptasks.wire import paging

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
QUEUE = "projects/p/locations/l/queues/q"
CURSOR = st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-(2**63) + 1, 2**63 - 1)


def read(token: str, *, kind: str = "tasks", scope: str = QUEUE, now: datetime = NOW) -> paging.Cursor:
    return paging.cursor_of(token, kind, scope, now)


def assert_refused(token: str, *, kind: str = "tasks", scope: str = QUEUE, now: datetime = NOW) -> None:
    """CT-057: the text has no full stop, and there are no details (CT-259)."""
    with pytest.raises(InvalidArgument) as refused:
        read(token, kind=kind, scope=scope, now=now)
    assert (refused.value.message, refused.value.details) == ("Invalid page_token", ())


def raw(*parts: str) -> str:
    return urlsafe_b64encode("\n".join(parts).encode()).decode()


@given(CURSOR)
def test_a_cursor_comes_back_as_it_was(cursor: paging.Cursor) -> None:
    found = read(paging.token("tasks", QUEUE, cursor, NOW))
    assert found == cursor
    assert type(found) is type(cursor)


def test_a_token_lasts_two_hours() -> None:
    """CT-054, CT-138"""
    token = paging.token("tasks", QUEUE, 7, NOW)
    assert read(token, now=NOW + timedelta(hours=2)) == 7
    assert_refused(token, now=NOW + timedelta(hours=2, seconds=1))


def test_a_clock_set_back_does_no_harm() -> None:
    assert read(paging.token("tasks", QUEUE, 7, NOW), now=NOW - timedelta(days=1)) == 7


def test_a_token_is_for_one_list() -> None:
    token = paging.token("tasks", QUEUE, 7, NOW)
    assert_refused(token, scope=QUEUE + "2")
    assert_refused(token, kind="queues")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("not a token", id="words"),
        pytest.param("ü", id="not ASCII"),
        pytest.param("AAA", id="cut"),
        pytest.param("_____w==", id="not UTF-8"),
        pytest.param(raw("tasks", QUEUE, "1"), id="no cursor"),
        pytest.param(raw("tasks", QUEUE, "soon", "i1"), id="no time"),
        pytest.param(raw("tasks", QUEUE, "9999999999", ""), id="empty cursor"),
        pytest.param(raw("tasks", QUEUE, "9999999999", "x1"), id="unknown cursor"),
        pytest.param(raw("tasks", QUEUE, "9999999999", "i1.5"), id="no integer"),
        pytest.param(raw("tasks", QUEUE, "9999999999", f"i{2**63}"), id="more than the store can hold"),
        pytest.param(raw("tasks", QUEUE, "9999999999", "i" + "9" * 10_000), id="more than Python reads"),
        pytest.param(raw("tasks", QUEUE, "9" * 5000, "i1"), id="a time too far"),
        pytest.param(paging.token("tasks", QUEUE, 7, NOW)[:-1], id="a character lost"),
        pytest.param(paging.token("tasks", QUEUE, 7, NOW) + "\n", id="a character more"),
    ],
)
def test_garbage_is_refused(token: str) -> None:
    assert_refused(token)


@given(st.text() | st.binary().map(lambda data: urlsafe_b64encode(data).decode()))
def test_any_garbage_is_refused(token: str) -> None:
    assert_refused(token)

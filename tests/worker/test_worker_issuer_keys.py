"""When the keys of an issuer are fetched, and what happens when they cannot be."""

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from gcptasks.worker.issuer_keys import IssuerKeys
from worker.worker_issuer import Issuer


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> Generator[Issuer]:
    with Issuer("first") as issuer:
        yield issuer


def fetched(keys: IssuerKeys, key_id: str) -> bool:
    """Have the keys as a request with that key would; whether the key is there."""
    if keys.wants_fetch(key_id):
        keys.fetch(key_id)
    return keys.get(key_id) is not None


def test_known_keys_are_not_fetched_again_within_the_hour(issuer: Issuer, clock: Clock) -> None:
    keys = IssuerKeys(issuer.url, issuer.url, clock)
    assert fetched(keys, "first")
    clock.seconds += 3599
    assert fetched(keys, "first")
    assert issuer.asked == 1


def test_a_key_that_was_withdrawn_is_gone_after_an_hour(issuer: Issuer, clock: Clock) -> None:
    keys = IssuerKeys(issuer.url, issuer.url, clock)
    assert fetched(keys, "first")
    issuer.key_ids = ["second"]
    clock.seconds += 3600
    assert not fetched(keys, "first")
    assert fetched(keys, "second")


def test_unknown_keys_cause_one_fetch_a_minute(issuer: Issuer, clock: Clock) -> None:
    keys = IssuerKeys(issuer.url, issuer.url, clock)
    assert fetched(keys, "first")
    issuer.key_ids.append("second")
    for _ in range(6):
        clock.seconds += 9.9
        assert not fetched(keys, "second")
        assert not fetched(keys, "made up")
    assert issuer.asked == 1
    clock.seconds += 0.7
    assert fetched(keys, "second")
    assert issuer.asked == 2


def test_a_fetch_that_fails_keeps_the_keys_and_does_not_use_up_the_minute(
    issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    keys = IssuerKeys(issuer.url, issuer.url, clock)
    assert fetched(keys, "first")
    issuer.works = False
    issuer.key_ids.append("second")
    clock.seconds += 60
    assert not fetched(keys, "second")
    assert fetched(keys, "first")
    assert f"the keys of {issuer.url} cannot be fetched: HTTP Error 500" in caplog.text
    assert not keys.wants_fetch("second")  # a short pause, for an issuer that is down
    clock.seconds += 1
    issuer.works = True
    assert fetched(keys, "second")


def test_the_document_of_another_issuer_is_not_taken(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    issuer.calls_itself = "https://evil.example.com"
    assert not fetched(IssuerKeys(issuer.url, issuer.url), "first")
    assert "is of another issuer, https://evil.example.com" in caplog.text


def test_an_issuer_that_is_not_named_is_what_the_document_says(issuer: Issuer) -> None:
    issuer.calls_itself = "http://tasks.local"
    keys = IssuerKeys(issuer.url, None)
    assert not keys.known
    assert fetched(keys, "first")
    assert (keys.known, keys.issuer) == (True, "http://tasks.local")


def test_keys_that_do_not_sign_tokens_are_left_out(issuer: Issuer) -> None:
    keys = IssuerKeys(issuer.url, issuer.url)
    assert fetched(keys, "first")
    assert keys.get("odd") is None
    assert keys.get("shared") is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_that_is_forked_while_a_thread_fetches_does_not_wait_for_it() -> None:
    # A process of its own, since the fork of a process with threads warns.
    program = [sys.executable, "-m", "worker.worker_fork_program"]
    subprocess.run(program, check=True, cwd=Path(__file__).parent.parent)

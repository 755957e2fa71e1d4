"""The secret of callers: what is done to compare it does not depend on how much of it somebody guessed."""

import hmac
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.worker import refusal, secret
from gcptasks.worker.refusal import Refusal
from gcptasks.worker.secret import SecretCheck

SECRET = "correct horse battery staple"
CHECK = SecretCheck(SECRET)
ITS_FILES = {secret.__file__, refusal.__file__}


def steps(sent: str) -> list[Any]:
    """Each line that the check runs, and each function of C that it calls: there a comparison would take its time.

    What runs beside it, as whatever is called when garbage is collected, is no step of the check.
    """
    found: list[Any] = []

    def profile(frame: Any, event: str, argument: Any) -> None:
        if event == "c_call" and frame.f_code.co_filename in ITS_FILES:
            found.append(getattr(argument, "__name__", argument))

    def trace(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in ITS_FILES:
            return None
        found.append((event, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.setprofile(profile)
    sys.settrace(trace)
    try:
        CHECK.check(sent)
    except Refusal:
        pass
    finally:
        sys.settrace(before)
        sys.setprofile(None)
    return found


@given(st.integers(0, len(SECRET) - 1), st.text(st.characters(max_codepoint=255)))
def test_a_wrong_secret_takes_the_same_steps_however_much_of_it_is_right(right: int, rest: str) -> None:
    guess = SECRET[:right] + rest
    if guess == SECRET:
        return
    wrong = steps("x")
    assert hmac.compare_digest.__name__ in wrong
    assert steps(guess) == wrong


def test_the_secret_alone_is_accepted() -> None:
    CHECK.check(SECRET)
    with pytest.raises(Refusal):
        CHECK.check(SECRET + "x")


@pytest.mark.parametrize("known", ["a?c", r"a\u20acc"])
@pytest.mark.parametrize("sent", ["a€c", "a\ud800c", ""])
def test_what_no_header_can_be_is_no_secret(known: str, sent: str) -> None:
    with pytest.raises(Refusal):
        SecretCheck(known).check(sent)

"""Interruptions as signals make them: an exception between any two steps of a call."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Literal, TypeVar

import gcptasks.client.ensured_queues
import gcptasks.client.inprocess
import gcptasks.store.store

R = TypeVar("R")
Step = Literal["line", "opcode"]

_ROOMS = (
    gcptasks.store.store.__file__.removesuffix("store.py"),
    gcptasks.client.inprocess.__file__,
    gcptasks.client.ensured_queues.__file__,
)


class Interrupt(BaseException):
    """As Ctrl-C."""


class TimedOut(Exception):
    """As of a timeout library."""


def interrupt_at(
    number: int, call: Callable[[], R], step: Step, kind: type[BaseException] = Interrupt
) -> tuple[bool, R | None]:
    """Call, and raise at the step of that number within the rooms that are looked at, the first one being 1.

    Returns whether it came that far, and the answer, if there is one: an interruption may come too late to be heard of.
    """
    left = number

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal left
        if event == "call":
            if not frame.f_code.co_filename.startswith(_ROOMS):
                return None
            frame.f_trace_opcodes = step == "opcode"
        if event in (step, "call"):
            left -= 1
            if left == 0:
                print(number, "interrupted in", frame.f_code.co_qualname, "line", frame.f_lineno, frame.f_lasti, event)
                raise kind
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        answer = call()
    except kind:
        return True, None
    finally:
        sys.settrace(before)
    return left <= 0, answer

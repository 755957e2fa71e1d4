"""Whose an exception is: of the code that ran, or of what surrounds it and ends it."""

import asyncio
from opcode import opmap
from typing import Any

_RAISE = opmap["RAISE_VARARGS"]


def is_ctrl_c(error: KeyboardInterrupt) -> bool:
    """Whether a signal raised it; also if that cannot be told.

    A signal comes between any two instructions, so where the traceback ends there is no `raise`: Python's own handler
    is no Python code. That of `asyncio.run`, which raises at the second Ctrl-C, is.
    """
    innermost = error.__traceback__
    if innermost is None:
        return True
    while innermost.tb_next is not None:
        innermost = innermost.tb_next
    frame = innermost.tb_frame
    if frame.f_globals.get("__name__") == "asyncio.runners":
        return True
    return frame.f_code.co_code[innermost.tb_lasti] != _RAISE


def came_from_outside(error: BaseException, task: asyncio.Task[Any]) -> bool:
    """Whether the error is not that of the code which runs in `task`."""
    match error:
        case asyncio.CancelledError():
            # Otherwise it is that of a future or a task that the code waited for.
            return task.cancelling() > 0
        case KeyboardInterrupt():
            return is_ctrl_c(error)
        case GeneratorExit():
            # Raised into a task that is thrown away unfinished, when its loop runs no more.
            return asyncio.current_task(task.get_loop()) is not task
        case _:
            return False

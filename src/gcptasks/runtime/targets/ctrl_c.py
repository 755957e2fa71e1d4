"""Whose a KeyboardInterrupt is: of the person at the keyboard, or of a program that raises one."""

from opcode import opmap

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

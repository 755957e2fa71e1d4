"""What is recorded of an attempt that failed."""

import re
import traceback

from gcptasks.engine.task_records import ErrorInfo

_LONGEST = 10_000
"""Characters of a message, and of a traceback, that are kept: what matters stands at the beginning, or at the end."""
_LEFT_OUT = "…"


def error_info(error: BaseException, *, with_traceback: bool = False) -> ErrorInfo:
    """The type's full name, without that of `builtins`, and the message; texts that every store can keep."""
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    trace = storable("".join(traceback.format_exception(error))) if with_traceback else None
    if trace is not None and len(trace) > _LONGEST:
        trace = _LEFT_OUT + trace[-_LONGEST:]
    return ErrorInfo(f"{module}{kind.__qualname__}", shortened(_message(error)), trace)


def shortened(text: str) -> str:
    """The text as every store can keep it, without what passes a length that no reader needs."""
    text = storable(text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + _LEFT_OUT


def storable(text: str) -> str:
    """The text without what databases or encodings refuse: NUL, and halves of characters."""
    return re.sub("[\x00\ud800-\udfff]", "\ufffd", text)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # of a class of the user's
        return ""

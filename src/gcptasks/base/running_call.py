"""Whether a call of a function still runs, asked from outside of it.

An exception can come between any two steps of a function: Ctrl-C raises one, and so may a signal's handler or a timeout
library. It may come in a `finally` as well, or just before a `try`, so a call cannot promise to give back what it took.
Whoever wants that asks instead whether the call that took it still runs.
"""

import sys
from types import FrameType

this_frame = sys._getframe  # pyright: ignore[reportPrivateUsage]  # documented; inspect's would tell less of its type
"""The frame of the call that asks. A variable for it would make the two a circle, for the garbage collector to find."""


class RunningCall:
    """A call, by its frame: `RunningCall(this_frame())`."""

    __slots__ = ("_frame",)

    def __init__(self, frame: FrameType | None) -> None:
        self._frame = frame

    def runs(self) -> bool:
        """Whether the call has not returned yet, nor raised, nor ended with its thread."""
        if self._frame is None:
            return False
        try:
            # Python itself looks whether it runs, and clears the variables of a call that ended, which nobody needs.
            self._frame.clear()
        except RuntimeError:
            return True
        return False

    def is_of(self, frame: FrameType) -> bool:
        """Whether that is the frame of the call."""
        return self._frame is frame

    def runs_below(self, frame: FrameType | None) -> bool:
        """Whether it waits for `frame`: the call was made by it, or interrupted for it, as by a signal's handler."""
        while frame is not None:
            if frame is self._frame:
                return True
            frame = frame.f_back
        return False

    def end(self) -> None:
        """Have it ended, as far as others are concerned. It would keep its frame, and the frame it, for no use."""
        self._frame = None

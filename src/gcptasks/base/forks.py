"""What a forked child begins anew, since the threads of its parent do not come along.

A lock that one of them had, or a future that one of them was to resolve, would be waited for without end.
"""

import os
import weakref
from typing import Protocol


class BegunAnew(Protocol):
    """What has such locks or futures."""

    def begin_anew(self) -> None:
        """Be as just made, as far as other threads go. Called in a forked child."""
        ...


_all: "weakref.WeakSet[BegunAnew]" = weakref.WeakSet()


def begin_anew_in_children(one: BegunAnew) -> None:
    """Have it begin anew in each child that is forked while it exists."""
    _all.add(one)


def _begin_anew() -> None:
    for one in list(_all):
        _leave_undestroyed(dict(vars(one)))
        one.begin_anew()


def _leave_undestroyed(held: dict[str, object]) -> None:
    """Let nothing destroy what it held in the parent, not even the end of the child.

    gRPC's channels wait then for a thread that is not there: the child would hang, and with it a parent that waits
    until the child runs another program, as uvloop does when it starts one.
    """
    import ctypes  # here, as none but a child needs it

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)

"""How many files and connections this process may have open at once."""

import contextlib
import resource

_ENOUGH = 65_536
"""More is not asked for: programs that this one starts inherit it, and some count up to it."""
_MOST_CONNECTIONS = 10_000
"""To workers, of which one gets nearly as many as a queue has under way at most."""


def raise_limit() -> None:
    """Have as many as the system allows without asking its administrator."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # A system may have a lower limit that it does not tell. Then this one stays as it is.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connections_to_workers() -> int:
    """How many connections to workers there may be: three in four of what may be open, the rest is for all else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _ENOUGH if soft == resource.RLIM_INFINITY else soft
    return max(min(limit - max(limit // 4, 64), _MOST_CONNECTIONS), 1)

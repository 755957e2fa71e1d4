"""How fast a queue sends: a bucket of tokens, one taken for each attempt (CT-212).

It holds the burst size and fills at the rate. How many attempts are open at once (CT-214) is counted by whoever sends.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from gcptasks.engine.model import RateLimits
from gcptasks.engine.queues import bucket_size

# Ten refills of a tenth make a little less than one. A token is whole that near to it; what is taken is
# one whole token all the same, so nothing is gained by it over time.
_NEARLY = 1e-9

_LOOK_AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """The tokens of one queue at one time."""

    tokens: float
    at: datetime


def full(limits: RateLimits, now: datetime) -> Bucket:
    """The bucket of a new queue."""
    return Bucket(bucket_size(limits), now)


def refilled(bucket: Bucket, limits: RateLimits, now: datetime) -> Bucket:
    """The bucket at `now`, and no more in it than `limits` allow by now.

    After a clock was set back it fills on from `now`: the time in between neither counts twice nor has to pass again.
    """
    passed = max((now - bucket.at).total_seconds(), 0.0)
    tokens = bucket.tokens + passed * limits.max_dispatches_per_second
    return Bucket(min(tokens, bucket_size(limits)), now)


def taken(bucket: Bucket, n: int) -> Bucket:
    """The bucket without `n` tokens; take no more than are whole."""
    return Bucket(bucket.tokens - n, bucket.at)


def given_back(bucket: Bucket, n: int) -> Bucket:
    """The bucket with `n` tokens again, which were taken for attempts that were not made."""
    return Bucket(bucket.tokens + n, bucket.at)


def whole_tokens(bucket: Bucket) -> int:
    """How many attempts may start now."""
    return max(int(bucket.tokens + _NEARLY), 0)


def next_at(bucket: Bucket, limits: RateLimits) -> datetime:
    """When a token is there, `bucket.at` if one is; a day later for rates so low that it takes longer than that."""
    if whole_tokens(bucket):
        return bucket.at
    # A token is promised when it is as near as makes it whole, not a microsecond after the time that it takes.
    seconds = (1.0 - _NEARLY / 2 - bucket.tokens) / limits.max_dispatches_per_second
    if seconds >= _LOOK_AGAIN.total_seconds():
        return bucket.at + _LOOK_AGAIN
    return bucket.at + timedelta(microseconds=math.ceil(seconds * 1e6))

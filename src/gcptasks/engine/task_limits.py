"""How far ahead, how long and how large a task may be. Small, for those who enqueue load it too."""

from datetime import timedelta

MOST_AHEAD = timedelta(hours=720)
"""How far ahead a task can be due (CT-099)."""

MIN_DEADLINE = timedelta(seconds=15)
MAX_DEADLINE = timedelta(minutes=30)
"""How long an attempt may take, within these two (CT-097)."""

LARGEST = 1_048_569
"""Bytes of the stored task (CT-101): a mebibyte less 7."""

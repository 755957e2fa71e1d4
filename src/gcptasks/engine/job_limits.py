"""How long, how often and how large a job may be. Small, for those who schedule load it too."""

from datetime import timedelta

MIN_DEADLINE = timedelta(seconds=15)
MAX_DEADLINE = timedelta(minutes=30)
"""How long an attempt of an HTTP job may take, within these two (CS-164)."""

MOST_RETRIES = 5
"""The largest retry count (CS-135)."""

LONGEST_URL = 2083
"""Characters (CS-154)."""
LONGEST_DESCRIPTION = 500
"""Characters (CS-016)."""

LARGEST_HEADERS = 80 * 1024
"""Bytes of all headers together: so many are too many (CS-163)."""

LARGEST = 1_048_576
"""Bytes of a job (CS-017)."""

"""What the next time of a job costs, by the kind of its schedule, at times spread over a year."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import perf_counter

from gcptasks.engine.schedules.parse import parse_schedule

ZONE = "America/New_York"
YEAR = [datetime(2026, 1, 1, 0, 0, 11, tzinfo=UTC) + n * timedelta(minutes=53, seconds=7) for n in range(9900)]
REPEATED_HOUR = [datetime(2026, 11, 1, 5, 0, 11, tzinfo=UTC) + n * timedelta(seconds=7) for n in range(1000)]
"""Clocks are put back in it, which takes the longest way."""


def main() -> None:
    figures = {text: of_schedule(text, YEAR) for text in ("*/5 * * * *", "0 9 * * 1-5", "every 5 minutes")}
    figures["range"] = of_schedule("every 2 hours from 10:00 to 14:00", YEAR)
    figures["ordinals"] = of_schedule("2nd,3rd tue,wed,thu of feb,aug 13:50", YEAR)
    figures["leap day"] = of_schedule("0 0 29 2 *", YEAR)
    figures["repeated hour"] = of_schedule("*/5 * * * *", REPEATED_HOUR)
    figures["never"] = of_schedule("2nd sun of mar 2:30", YEAR[:100])
    figures["first use"] = microseconds(read_anew, 1000)
    print(json.dumps(figures))


def of_schedule(text: str, times: list[datetime]) -> float:
    next_after = parse_schedule(text, ZONE).next_after

    def ask() -> None:
        for at in times:
            next_after(at)

    return microseconds(ask, len(times))


def read_anew() -> None:
    for _ in range(1000):
        parse_schedule.cache_clear()
        parse_schedule("0 9 * * 1-5", ZONE)


def microseconds(run: Callable[[], None], times: int) -> float:
    """For each time, in the best of three runs."""
    return min(seconds(run) for _ in range(3)) / times * 1e6


def seconds(run: Callable[[], None]) -> float:
    began = perf_counter()
    run()
    return perf_counter() - began


if __name__ == "__main__":
    main()

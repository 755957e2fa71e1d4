"""How a job's scheduled time is written for workers."""

from datetime import UTC, datetime

import pytest

from gcptasks.engine.job_delivery import schedule_time


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (datetime(2026, 10, 5, 8, 45, tzinfo=UTC), "2026-10-05T01:45:00-07:00"),
        (datetime(2027, 1, 1, tzinfo=UTC), "2026-12-31T16:00:00-08:00"),
        (datetime(2026, 10, 5, 8, 45, 1, 416739, tzinfo=UTC), "2026-10-05T01:45:01.416739-07:00"),
        (datetime(2026, 10, 5, 8, 45, 1, 500000, tzinfo=UTC), "2026-10-05T01:45:01.5-07:00"),
        (datetime(2026, 10, 5, 8, 45, 0, 1, tzinfo=UTC), "2026-10-05T01:45:00.000001-07:00"),
    ],
)
def test_a_scheduled_time_has_an_offset_and_no_more_of_a_fraction_than_it_needs(when: datetime, text: str) -> None:
    # CS-158, CS-159
    assert schedule_time(when) == text

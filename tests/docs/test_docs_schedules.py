"""The next runs that docs/schedules.md shows are right."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gcptasks.engine.schedules.parse import parse_schedule

PAGE = (Path(__file__).parents[2] / "docs/schedules.md").read_text()
CREATED = "2026-10-01 12:00"
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
SHOWN = [
    (found[1], "America/New_York" if found[2] else "UTC", found[2] or CREATED, TIME.findall(found[3]))
    for found in re.finditer(
        rf"^\| `([^`|]+)` \| (?:({TIME.pattern}) \| )?((?:{TIME.pattern}(?:, )?)+) \|$", PAGE, re.MULTILINE
    )
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("text", "zone", "after", "runs"), SHOWN, ids=[shown[0].replace("/", "÷") for shown in SHOWN])
def test_the_runs_that_are_shown_are_the_next(text: str, zone: str, after: str, runs: list[str]) -> None:
    assert runs[0] > after
    for last, run in zip([after, *runs], runs, strict=False):
        assert parse_schedule(text, zone).next_after(at(last)) == at(run)


def test_all_rows_are_found() -> None:
    assert len(SHOWN) == sum(bool(TIME.search(line)) for line in PAGE.splitlines() if line.startswith("|"))
    assert len(SHOWN) > 25

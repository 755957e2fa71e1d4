"""Which time zones there are, and what happens when a file of the zone database is damaged or changes."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from engine.engine_schedules import NO_ZONES, NOT_VALID
from gcptasks.base.errors import InvalidArgument
from gcptasks.engine.schedules.parse import parse_schedule

BERLIN = files("tzdata").joinpath("zoneinfo", "Europe", "Berlin").read_bytes()
TOKYO = files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo").read_bytes()
ALL = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()


def test_every_zone_of_the_database_can_be_used() -> None:
    """CS-104."""
    assert len(ALL) > 500
    for zone in ALL:
        parse_schedule("0 9 * * *", zone)


@pytest.mark.parametrize("zone", NO_ZONES)
def test_a_zone_that_is_not_in_the_database_is_refused(zone: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:  # CS-105, in the words of CS-063
        parse_schedule("0 9 * * *", zone)
    assert str(refusal.value) == NOT_VALID


def in_process(code: str, database: Path) -> str:
    """What a program prints that has its zones from there."""
    program = f"""
from datetime import UTC, datetime
from pathlib import Path
from gcptasks.base.errors import InvalidArgument
from gcptasks.engine.schedules.parse import parse_schedule

def told(text):
    try:
        print(parse_schedule(text, "Europe/Berlin").next_after(datetime(2026, 7, 1, tzinfo=UTC)).hour)
    except InvalidArgument as refusal:
        print(refusal)
{code}
"""
    environment = {**os.environ, "PYTHONTZPATH": str(database)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=30, check=True
    )
    return done.stdout


@pytest.fixture
def berlin(tmp_path: Path) -> Path:
    """The file of a zone, in a database of its own."""
    path = tmp_path / "Europe" / "Berlin"
    path.parent.mkdir()
    path.write_bytes(BERLIN)
    return path


def test_the_zone_database_of_the_machine_counts(berlin: Path) -> None:
    berlin.write_bytes(TOKYO)
    assert in_process('told("0 9 * * *")', berlin.parents[1]) == "0\n"
    berlin.write_bytes(BERLIN)
    assert in_process('told("0 9 * * *")', berlin.parents[1]) == "7\n"


def test_a_zone_that_the_machine_does_not_have_is_that_of_tzdata(berlin: Path) -> None:
    berlin.unlink()
    assert in_process('told("0 9 * * *")', berlin.parents[1]) == "7\n"
    berlin.mkdir()
    assert in_process('told("0 9 * * *")', berlin.parents[1]) == "7\n"


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no zone at all\n\n", id="another file"),
        pytest.param(BERLIN[:-1], id="without its last byte"),  # `ZoneInfo` never returns from this one
        pytest.param(BERLIN[: BERLIN.rindex(b"\n", 0, -1) + 1], id="without its last line"),
        pytest.param(BERLIN[: len(BERLIN) // 2], id="half"),
        pytest.param(BERLIN[:20], id="without its header"),
        pytest.param(BERLIN[:20] + b"\n\n", id="header cut short"),
    ],
)
def test_a_damaged_zone_file_is_refused_and_can_be_repaired(berlin: Path, damaged: bytes) -> None:
    berlin.write_bytes(damaged)
    code = f"""
told("0 9 * * *")
Path({str(berlin)!r}).write_bytes({BERLIN!r})
told("0 9 * * *")
"""
    assert in_process(code, berlin.parents[1]) == f"{NOT_VALID}\n7\n"


@pytest.mark.parametrize(
    "change", ["write_bytes(b'')", f"write_bytes({TOKYO!r})", "unlink()"], ids=["empty", "other", "gone"]
)
def test_a_zone_that_was_read_stays_as_it_is_until_the_next_start(berlin: Path, change: str) -> None:
    code = f"""
told("0 9 * * *")
Path({str(berlin)!r}).{change}
told("0 9 * * *")
told("0 11 * * *")
"""
    assert in_process(code, berlin.parents[1]) == "7\n7\n9\n"


def test_the_rules_of_a_zone_go_on_after_its_table_ends() -> None:
    """The table of a zone file ends in 2037 at the latest; its last line has the rule for later."""
    daily = parse_schedule("0 9 * * *", "Europe/Berlin")
    for year in (2038, 2100, 2399):
        assert daily.next_after(datetime(year, 7, 1, tzinfo=UTC)) == datetime(year, 7, 1, 7, tzinfo=UTC)

"""What many jobs cost: all at once, idle, and over a month. Ours alone, beside fixed figures."""

from bench.model import Aim, Part, Row
from bench.places import ours

PARTS = (
    Part(
        name="JOBS",
        title="10,000 jobs due in the same minute, durable, on the port, to one worker",
        contestants=(ours("ours", "jobs", "due"),),
        rows=(
            Row(figure="arrival p50", label="late at the worker, p50", unit="ms", aim=Aim.NO_MORE),
            Row(figure="arrival p99", label="late at the worker, p99", unit="ms", aim=Aim.NO_MORE, must=2000),
            Row(figure="start p99", label="late at the attempt's start, p99", unit="ms", aim=Aim.NO_MORE, must=2000),
            Row(figure="last start", label="the last to start", unit="ms", aim=Aim.NO_MORE, must=60_000),
            Row(figure="early", label="started early", unit="jobs", aim=Aim.NO_MORE, must=0),
        ),
        most_rounds=3,
    ),
    Part(
        name="IDLE",
        title="a service with 10,000 jobs and nothing to do",
        contestants=(
            ours("on a file", "jobs", "idle", "file", "10000"),
            ours("in memory", "jobs", "idle", "memory", "10000"),
            ours("on a file, no jobs", "jobs", "idle", "file", "0"),
        ),
        rows=(
            Row(figure="of a core", ours="on a file", label="on a file", unit="% of a core", aim=Aim.NO_MORE, must=1),
            Row(figure="of a core", ours="in memory", label="in memory", unit="% of a core", aim=Aim.NO_MORE, must=1),
            Row(figure="of a core", ours="on a file, no jobs", label="no jobs", unit="% of a core", aim=Aim.NO_MORE),
            Row(figure="memory", ours="on a file", label="memory for the jobs", unit="MiB", aim=Aim.NO_MORE),
        ),
        most_rounds=3,
    ),
    Part(
        name="MONTH",
        title="a month of an hourly job in which clocks are put back, by a clock that is moved",
        contestants=(ours("ours", "jobs", "month"),),
        rows=(
            Row(figure="took", unit="s", aim=Aim.NO_MORE, must=1),
            Row(figure="runs", unit="runs", aim=Aim.NO_MORE),
        ),
    ),
)

"""What very many tasks cost: memory, and a start after a kill. Ours alone, beside fixed figures."""

from bench.model import Aim, Part, Row
from bench.places import ours

PARTS = (
    Part(
        name="P12",
        title="1,000,000 tasks pending, embedded and durable: memory (P12), then killed and started again (P13)",
        contestants=(ours("ours", "pending", "measure", "1000000"),),
        rows=(
            Row(figure="memory", label="memory in all", unit="MiB", aim=Aim.NO_MORE, must=170, stretch=75),
            Row(figure="bytes a task", unit="bytes", aim=Aim.NO_MORE),
            Row(figure="lost", label="lost after SIGKILL", unit="tasks", aim=Aim.NO_MORE, must=0),
            Row(figure="ready", label="ready after start", unit="ms", aim=Aim.NO_MORE, must=250, stretch=50),
            Row(figure="memory after a restart", unit="MiB", aim=Aim.NO_MORE),
        ),
        most_rounds=1,
        timeout=3600,
    ),
    Part(
        name="P14",
        title="memory kept per finished unnamed task",
        contestants=(
            ours("ours, traced", "finished", "traced"),
            ours("ours, resident", "finished", "resident"),
        ),
        rows=(
            Row(figure="traced", ours="ours, traced", label="Python objects", unit="bytes", aim=Aim.NO_MORE, must=0),
            # Includes what SQLite and the allocator keep for later, so it does not settle at nothing.
            Row(figure="resident", ours="ours, resident", label="the process", unit="bytes", aim=Aim.NO_MORE),
        ),
        most_rounds=3,
    ),
)

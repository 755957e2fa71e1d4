"""What the times of cron jobs cost. Ours alone, beside fixed figures."""

from bench.model import Aim, Part, Row
from bench.places import ours


def _row(figure: str, label: str | None = None, must: float | None = None) -> Row:
    return Row(figure=figure, label=label, unit="µs", aim=Aim.NO_MORE, must=must)


PARTS = (
    Part(
        name="SCHEDULES",
        title="next run of a job",
        contestants=(ours("ours", "next_times"),),
        rows=(
            _row("*/5 * * * *", must=50),
            _row("0 9 * * 1-5", must=50),
            _row("every 5 minutes", must=50),
            _row("range", "every 2 hours from 10:00 to 14:00", must=50),
            _row("ordinals", "2nd,3rd tue,wed,thu of feb,aug", must=50),
            _row("leap day", "0 0 29 2 *", must=50),
            _row("repeated hour", "*/5 * * * *, as clocks are put back"),
            _row("never", "a schedule that never comes"),
            _row("first use", "reading its text"),
        ),
    ),
)

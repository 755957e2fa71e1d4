"""What `.delay()` costs before anything leaves the process."""

from bench.model import Aim, Part, Row
from bench.places import ours, peer


def _row(figure: str, must: float | None, stretch: float | None, label: str) -> Row:
    return Row(figure=figure, label=label, unit="µs", aim=Aim.TIMES_LESS, peer="the peer", must=must, stretch=stretch)


PARTS = (
    Part(
        name="P1",
        title=".delay() up to a hook-ready request, with a client that only answers",
        contestants=(ours("ours", "delay", "fake"), peer("the peer", "delay", "fake")),
        rows=(
            _row("small", 15, 25, "a small body"),
            _row("mixed", 10, 15, "path, query and body"),
            _row("nested", 20, 30, "10 KB of nested body"),
            # Not in the targets: what the promise costs where a type alone does not tell that its values hold.
            _row(
                "checked", None, None, "a body with a validator of its own, for which ours tries the whole round trip"
            ),
        ),
    ),
    Part(
        name="P2",
        title=".delay() with Google's own client over a channel that only answers",
        contestants=(ours("ours", "delay", "stub"), peer("the peer", "delay", "stub")),
        rows=(
            _row("small", 2.5, 3.2, "a small body"),
            _row("mixed", None, None, "path, query and body"),
            _row("nested", 12, 18, "10 KB of nested body"),
        ),
    ),
)

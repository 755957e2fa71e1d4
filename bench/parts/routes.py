"""What `.delay()` costs before anything leaves the process."""

from bench.model import Aim, Part, Row
from bench.places import ours, peer


def _row(figure: str, must: float | None, stretch: float | None, label: str) -> Row:
    return Row(figure=figure, label=label, unit="µs", aim=Aim.TIMES_LESS, peer="the peer", must=must, stretch=stretch)


_OURS_BY_KIND, _PEER_BY_KIND = "ours, by kind", "the peer, by kind"
_FUNCTIONS = "ours, functions"
_OUTSIDE = {
    "path": "path parameters",
    "query": "query parameters",
    "typed query": "a UUID, a date and an enum in the query",
    "header": "a header",
}
_BODIES = {
    "body": "a model",
    "unset": "a model with fields that are not set",
    "typed body": "a model with a UUID, a datetime, a Decimal and an enum",
    "bodies": "two bodies",
    "list": "a list of 10 models",
    "dict": "a dict of 10 numbers",
}
_CHECKED = {
    "union": "a union of models",
    "validator": "a model with a validator of its own",
    "dataclass": "a dataclass",
}
_FORMS = {"form": "a form"}


def _rows_by_kind(outside: float, body: float) -> tuple[Row, ...]:
    """A row for each kind of signature that holds by type alone, as far as the peer can carry it."""
    return tuple(
        Row(
            figure=figure,
            label=f"by type alone: {label}",
            unit="µs",
            aim=Aim.TIMES_LESS,
            ours=_OURS_BY_KIND,
            peer=_PEER_BY_KIND,
            must=must,
        )
        for kinds, must in ((_OUTSIDE, outside), (_BODIES, body))
        for figure, label in kinds.items()
    )


def _rows_of_functions() -> tuple[Row, ...]:
    """Making and pushing the task of a function, beside .delay() of a route with the same model."""
    return tuple(
        Row(
            figure=figure,
            label=f"a task of a function: {label}{named}",
            unit="µs",
            aim=Aim.AT_MOST,
            ours=_FUNCTIONS,
            peer="ours",
            peer_figure=figure + peer_figure,
            must=must,
        )
        for figure, label, must in (
            ("small", "a small body", 1.0),
            ("nested", "10 KB of nested body", 1.0),
            ("checked", "a body with a validator of its own", None),
        )
        # What is pushed answers with the full name, what is delayed with a Task, which takes time to look into.
        for peer_figure, named in (("", ""), (", named", ", up to the full name"))
    )


PARTS = (
    Part(
        name="P1",
        title=".delay() up to a hook-ready request, with a client that only answers",
        contestants=(
            ours("ours", "delay", "fake"),
            peer("the peer", "delay", "fake"),
            ours(_OURS_BY_KIND, "kinds", "fake"),
            peer(_PEER_BY_KIND, "kinds", "fake"),
            ours(_FUNCTIONS, "functions", "fake"),
        ),
        rows=(
            _row("small", 15, 25, "a small body"),
            _row("mixed", 10, 15, "path, query and body"),
            _row("nested", 20, 30, "10 KB of nested body"),
            # Not in the targets: what the promise costs where a type alone does not tell that its values hold.
            _row(
                "checked", None, None, "a body with a validator of its own, for which ours tries the whole round trip"
            ),
            *_rows_by_kind(outside=10, body=15),
            *_rows_of_functions(),
        ),
    ),
    Part(
        name="P2",
        title=".delay() with Google's own client over a channel that only answers",
        contestants=(
            ours("ours", "delay", "stub"),
            peer("the peer", "delay", "stub"),
            ours(_OURS_BY_KIND, "kinds", "stub"),
            peer(_PEER_BY_KIND, "kinds", "stub"),
        ),
        rows=(
            _row("small", 2.5, 3.2, "a small body"),
            _row("mixed", None, None, "path, query and body"),
            _row("nested", 12, 18, "10 KB of nested body"),
            *_rows_by_kind(outside=2.5, body=2.5),
        ),
    ),
    Part(
        name="P3",
        title=".delay() with the client that each makes of itself, over a channel that only answers",
        contestants=(
            ours("ours", "delay", "own"),
            peer("the peer", "delay", "stub"),
            ours(_FUNCTIONS, "functions", "own"),
        ),
        rows=(
            _row("small", 12, 25, "a small body"),
            _row("mixed", 10, 14, "path, query and body"),
            _row("nested", None, None, "10 KB of nested body"),
            *_rows_of_functions(),
        ),
    ),
    Part(
        name="P4",
        title="delay_many in batches for each task, with Google's own client, against .delay() of the peer in a loop",
        contestants=(ours("ours", "bulk"), peer("the peer", "delay", "stub")),
        rows=(
            Row(
                figure="each",
                label="a small body",
                unit="µs",
                aim=Aim.TIMES_LESS,
                peer="the peer",
                peer_figure="small",
                must=15,
                stretch=25,
            ),
        ),
    ),
    Part(
        name="KINDS",
        title=".delay() up to a hook-ready request by the kind of signature, the whole round trip included",
        contestants=(ours("ours", "kinds", "fake"),),
        rows=tuple(
            Row(figure=figure, label=f"{how}: {label}", unit="µs", aim=Aim.NO_MORE)
            for how, kinds in (
                ("by type alone", _OUTSIDE | _BODIES),
                ("by the whole round trip", _CHECKED),
                ("as a form", _FORMS),
            )
            for figure, label in kinds.items()
        ),
    ),
)

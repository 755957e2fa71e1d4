"""`scripts/fuzz [--requests N] [--seed SEED] [--only KIND]`."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from random import SystemRandom

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from interop.fuzz.round import SENDERS, Round

_IN_A_ROUND = 5000


def main(arguments: Sequence[str] | None = None) -> int:
    """Send the requests; 1 if something is wrong with an answer, 130 on Ctrl-C."""
    options = _options(arguments)
    console = Console(stderr=True, highlight=False)
    console.print(f"seed {options.seed}; {options.requests} requests")
    counts, problems, left, seed = Counter[str](), list[str](), options.requests, options.seed
    try:
        with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console) as progress:
            shown = progress.add_task("requests", total=options.requests)
            while left > 0:
                one = Round(seed, options.only or list(SENDERS))
                one.run(min(left, _IN_A_ROUND), lambda: progress.advance(shown))
                counts += one.counts
                problems += one.problems
                for problem in one.problems:
                    progress.console.print(problem, markup=False, soft_wrap=True)
                left, seed = left - _IN_A_ROUND, seed + 1
                if left > 0 and not console.is_terminal:
                    console.print(f"{options.requests - left} of {options.requests}")
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    told = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    print(f"fuzz: {told}; {len(problems)} problems" if problems else f"fuzz: {told}")
    return int(bool(problems))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Random requests to the local service's port.")
    parser.add_argument("--requests", type=int, default=100_000, metavar="N", help="how many (100000)")
    parser.add_argument(
        "--seed",
        type=int,
        default=SystemRandom().randrange(1_000_000) * 1000,
        help=f"of the first {_IN_A_ROUND}; the next ones have the next seed. Default: another each time",
    )
    parser.add_argument("--only", action="append", choices=SENDERS, help="one kind of requests; may be given again")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

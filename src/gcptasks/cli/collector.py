"""Python's garbage collector in a process of ours."""

import gc


def spare_imports() -> None:
    """Leave what is imported by now out of collections.

    One of all that Google's clients import takes 40 to 90 ms, in which the event loop would stand still. What is
    garbage by now stays: some dozens of objects, which a collection at each start would cost as much.
    """
    gc.freeze()

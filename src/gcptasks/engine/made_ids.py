"""Ids for tasks that callers left unnamed: numbers in a row, made to look like none.

The number can be had back from the id, so whether an id was ever given out needs no record of it. The mixing is that of
splitmix64: shifts and odd multiplications, each of which can be undone.
"""

_MASK = 2**64 - 1
_ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_UNDO = tuple((shift, pow(factor, -1, 2**64)) for shift, factor in reversed(_ROUNDS))
_LAST_SHIFT = 31


def made_id(number: int, key: int) -> str:
    """The id of the unnamed task with that 64-bit number: up to 20 decimal digits (CT-113).

    `key` is a random 64-bit integer, always the same one for one database.
    """
    mixed = number ^ key
    for shift, factor in _ROUNDS:
        mixed = (mixed ^ mixed >> shift) * factor & _MASK
    return str(mixed ^ mixed >> _LAST_SHIFT)


def made_number(task_id: str, key: int) -> int | None:
    """The number whose id that is; None if no number has it."""
    if len(task_id) > 20 or not (task_id.isascii() and task_id.isdecimal()):
        return None
    mixed = int(task_id)
    if mixed > _MASK or str(mixed) != task_id:
        return None
    mixed = _unshifted(mixed, _LAST_SHIFT)
    for shift, factor in _UNDO:
        mixed = _unshifted(mixed * factor & _MASK, shift)
    return mixed ^ key


def _unshifted(mixed: int, shift: int) -> int:
    """The x with `mixed == x ^ x >> shift`."""
    return mixed ^ mixed >> shift ^ mixed >> 2 * shift

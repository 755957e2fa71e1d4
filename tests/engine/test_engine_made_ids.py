from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.engine.made_ids import made_id, made_number

NUMBERS = st.integers(0, 2**64 - 1)


@given(number=NUMBERS, key=NUMBERS)
def test_the_number_can_be_had_back_from_the_id(number: int, key: int) -> None:
    """CT-113: and the id is a decimal string of up to 20 digits."""
    made = made_id(number, key)
    assert made_number(made, key) == number
    assert made.isdecimal()
    assert len(made) <= 20


@given(mixed=NUMBERS, key=NUMBERS)
def test_every_decimal_64_bit_number_is_the_id_of_one_number(mixed: int, key: int) -> None:
    number = made_number(str(mixed), key)
    assert number is not None
    assert 0 <= number < 2**64
    assert made_id(number, key) == str(mixed)


@pytest.mark.parametrize(
    "task_id",
    ["", "a", "-1", "+1", "01", "00", " 1", "1_0", "1.0", "0x1", "١", "²", str(2**64), "9" * 20, "1" * 500],
)
def test_other_ids_have_no_number(task_id: str) -> None:
    assert made_number(task_id, 42) is None


def test_ids_of_consecutive_numbers_have_nothing_in_common() -> None:
    """CT-134: ids with a common prefix are slow on the real service."""
    ids = [made_id(number, 0x9E3779B97F4A7C15) for number in range(1000)]
    assert len(set(ids)) == 1000
    assert all(one[:6] != other[:6] for one, other in pairwise(ids))
    assert len({made[:2] for made in ids}) == 90


def test_another_key_makes_other_ids() -> None:
    assert not {made_id(n, 1) for n in range(1000)} & {made_id(n, 2**63) for n in range(1000)}


@pytest.mark.parametrize(
    ("number", "key", "task_id"),
    [
        (1, 0, "6238072747940578789"),
        (1, 18446744073709551615, "15719503542151743746"),
        (18446744073709551615, 1, "15719503542151743746"),
    ],
)
def test_ids_stay_what_they_are_in_databases_that_exist(number: int, key: int, task_id: str) -> None:
    assert made_id(number, key) == task_id

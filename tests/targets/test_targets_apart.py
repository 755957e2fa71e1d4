"""What can only be seen in a network of the test's own: no free port, and a name server that does not answer."""

import pytest

from targets.targets_apart import run_apart


def test_a_lack_of_ports_is_no_attempt_and_no_way_to_a_worker_is_a_failed_one() -> None:
    run_apart("targets.targets_few_ports_program")


@pytest.mark.slow  # its quick sibling has no name server: tests/targets/test_targets_resolver.py
def test_names_that_are_never_answered_hold_up_no_other() -> None:
    run_apart("targets.targets_slow_names_program")

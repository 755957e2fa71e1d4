"""Policies for any bindings, and at any time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.epoch import EPOCH
from gcptasks.engine.iam import NO_POLICY, Binding, IamPolicy, replaced

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROLES = st.sampled_from(["roles/a", "roles/b", "projects/p/roles/a"])
MEMBERS = st.sampled_from(["allUsers", "user:a@b.example", "group:a@b.example"])
BINDINGS = st.builds(Binding, role=ROLES, members=st.lists(MEMBERS, max_size=4).map(tuple))
TIMES = st.integers(0, 253_402_300_799).map(lambda seconds: EPOCH + timedelta(seconds=seconds))


def asked(*bindings: Binding, etag: bytes = b"") -> IamPolicy:
    return IamPolicy(version=1, bindings=bindings, etag=etag)


def pairs(policy: IamPolicy) -> list[tuple[str, str]]:
    return [(binding.role, member) for binding in policy.bindings for member in binding.members]


@given(st.lists(BINDINGS, max_size=6))
def test_everybody_keeps_their_roles_each_of_them_once(bindings: list[Binding]) -> None:
    """CT-285."""
    before = asked(*bindings)
    after = replaced(NO_POLICY, before, NOW)
    assert sorted(pairs(after)) == sorted(set(pairs(before)))
    roles = [binding.role for binding in after.bindings]
    assert len(roles) == len(set(roles))
    assert all(binding.members for binding in after.bindings)
    assert replaced(after, after, NOW).bindings == after.bindings


@given(st.lists(TIMES, min_size=1, max_size=6))
def test_an_etag_never_comes_again_whatever_the_clock_does(times: list[datetime]) -> None:
    """CT-086."""
    policy, etags = NO_POLICY, {NO_POLICY.etag}
    for now in times:
        policy = replaced(policy, asked(etag=policy.etag), now)
        etags.add(policy.etag)
    assert len(etags) == len(times) + 1

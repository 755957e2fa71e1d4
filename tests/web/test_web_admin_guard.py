"""Who may make the admin calls."""

import pytest

from gcptasks.server.settings import PortSettings
from web.admin_world import TOKEN, administered
from web.web_clients import LOCATION

OPEN = [("GET", "/admin/status"), ("GET", "/admin/wait?timeout=0")]
HARMFUL = [("POST", "/admin/reset"), ("GET", "/admin/clock"), ("POST", "/admin/clock")]
WRONG = ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN, "Bearer ü"]


async def test_at_localhost_only_what_harms_needs_the_token() -> None:
    async with administered() as admin:
        for method, path in OPEN:
            assert (await admin.ask(method, path)).status == 200
        for method, path in HARMFUL:
            for given in WRONG:
                answer = await admin.ask(method, path, **({"Authorization": given} if given else {}))
                assert answer.json["error"]["status"] == "UNAUTHENTICATED"
                assert answer.message.startswith("This path needs the admin token, in the header Authorization: Bearer")
            assert (await admin.admin(method, path.removeprefix("/admin/"))).status != 401


async def test_beyond_localhost_all_admin_calls_need_the_token_and_nothing_else_does() -> None:
    async with administered(host="0.0.0.0") as admin:
        for method, path in OPEN + HARMFUL:
            assert (await admin.ask(method, path)).status == 401
        for _, path in OPEN:
            assert (await admin.admin("GET", path.removeprefix("/admin/"))).status == 200
        for path in (
            "/health",
            "/.well-known/openid-configuration",
            "/.well-known/jwks.json",
            f"/v2/{LOCATION}/queues",
        ):
            assert (await admin.ask("GET", path)).status == 200


async def test_what_the_scheme_is_called_does_not_depend_on_case() -> None:
    async with administered() as admin:
        assert (await admin.ask("GET", "/admin/clock", Authorization=f"bearer  {TOKEN}")).status == 200


async def test_who_gives_no_token_has_one_made_at_each_start() -> None:
    made: set[str] = set()
    for _ in range(2):
        async with administered(admin_token=None) as admin:
            made.add(token := admin.emulator.admin_token)
            assert (await admin.ask("GET", "/admin/clock", Authorization=f"Bearer {token}")).status == 200
    assert len(made) == 2
    assert all(len(token) >= 32 for token in made)


async def test_web_pages_are_refused_even_with_the_token() -> None:
    async with administered() as admin:
        token = f"Bearer {TOKEN}"
        page = await admin.ask("POST", "/admin/reset", Authorization=token, Origin="http://evil.example.com")
        assert page.status == 403
        rebound = await admin.ask("POST", "/admin/reset", Authorization=token, Host="evil.example.com")
        assert rebound.status == 403
        form = await admin.ask("POST", "/admin/reset", "", Authorization=token, Content_Type="text/plain")
        assert form.status == 415


@pytest.mark.parametrize("token", ["", "a b", "ü", "x" * 201, "a\n"])
def test_a_token_that_no_header_can_carry_is_not_accepted_and_not_shown(token: str) -> None:
    with pytest.raises(ValueError, match="admin token must be a word") as refused:
        PortSettings(admin_token=token)
    assert not token or token not in str(refused.value)

"""The key of a location: section 8 of the contract. It is kept; nothing is encrypted with it (CT-L21)."""

from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition, InvalidArgument, NotFound
from google.rpc.error_details_pb2 import ErrorInfo

from service.service_world import Api, Refusal

SHAPE = Refusal(
    InvalidArgument,
    'CMEK Config name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/cmekConfig".',
)
RING = "projects/keys/locations/l/keyRings/ring"
KEY = f"{RING}/cryptoKeys/key"


def name_in(api: Api) -> str:
    return f"{api.parent}/cmekConfig"


def key_of(api: Api) -> str:
    config = api.call("get_cmek_config", name=name_in(api))
    assert config.name == name_in(api)
    return str(config.kms_key)


def put(api: Api, key: str, *mask: str) -> Any:
    masked: dict[str, Any] = {"update_mask": {"paths": list(mask)}} if mask else {}
    return api.call("update_cmek_config", cmek_config={"name": name_in(api), "kms_key": key}, **masked)


def not_put(api: Api, key: str, *mask: str) -> Refusal:
    masked: dict[str, Any] = {"update_mask": {"paths": list(mask)}} if mask else {}
    return api.refusal("update_cmek_config", cmek_config={"name": name_in(api), "kms_key": key}, **masked)


def test_a_location_has_no_key_until_it_gets_one_and_after_an_empty_one(api: Api) -> None:
    """CT-091, CT-L21."""
    assert key_of(api) == ""
    config = put(api, KEY)
    assert (config.name, config.kms_key) == (name_in(api), KEY)
    assert key_of(api) == KEY
    other = put(api, f"{RING}/cryptoKeys/other")
    assert key_of(api) == other.kms_key != KEY
    assert put(api, "").kms_key == key_of(api) == ""


def test_each_location_has_its_own_key(api: Api) -> None:
    """CT-091."""
    put(api, KEY)
    elsewhere = f"{api.parent}2/cmekConfig"
    assert api.call("get_cmek_config", name=elsewhere).kms_key == ""
    assert api.queue().name == api.name()


def test_a_mask_says_whether_the_key_is_meant(api: Api) -> None:
    put(api, KEY, "kms_key")
    assert put(api, "", "name").kms_key == key_of(api) == KEY
    assert not_put(api, "", "bogus") == Refusal(InvalidArgument, "Invalid mask: bogus")
    assert key_of(api) == KEY


@pytest.mark.parametrize("end", ["", "/kmsConfig", "/cmekConfig/extra", "/queues/q", "/cmekConfig/"])
def test_a_name_of_another_shape_is_told(api: Api, end: str) -> None:
    """CT-288a."""
    name = f"{api.parent}{end}"
    assert api.refusal("get_cmek_config", name=name) == SHAPE
    assert api.refusal("update_cmek_config", cmek_config={"name": name, "kms_key": KEY}) == SHAPE


def test_a_name_that_is_cut_short_is_told(api: Api) -> None:
    """CT-288a."""
    for name in ("projects/p", "projects/p/cmekConfig", "projects/p/locations/cmekConfig"):
        assert api.refusal("get_cmek_config", name=name) == SHAPE


INVALID = Refusal(InvalidArgument, "Request contains an invalid argument.")


def unknown(key: str) -> Refusal:
    return Refusal(InvalidArgument, f"Resource name [{key}] does not match any known resource name pattern.")


@pytest.mark.parametrize(
    ("key", "refusal"),
    [
        *(
            pytest.param(key, unknown(key), id=f"CT-288b {key}")
            for key in ("not-a-key", f"{KEY}/", f"/{KEY}", f"{KEY}/bogus/1", "projects/p/locations/l", f"{RING}/x/key")
        ),
        pytest.param(RING, INVALID, id="CT-288c"),
        pytest.param(f"{KEY}/cryptoKeyVersions/1", INVALID, id="CT-288d"),
        pytest.param(
            KEY.replace("/l/", "/elsewhere/"), Refusal(NotFound, "Requested entity was not found."), id="CT-288e"
        ),
    ],
)
def test_what_is_no_key_of_the_location_is_refused(api: Api, key: str, refusal: Refusal) -> None:
    """CT-288."""
    put(api, KEY)
    assert not_put(api, key) == refusal
    assert key_of(api) == KEY


def test_a_location_whose_queues_override_headers_can_have_no_key(api: Api) -> None:
    """CT-288f."""
    put(api, KEY)
    api.queue("plain", http_target={"http_method": "PUT"})
    assert put(api, KEY).kms_key == KEY
    api.queue(http_target={"header_overrides": [{"header": {"key": "X-Custom", "value": "a"}}]})
    refusal = Refusal(
        FailedPrecondition,
        "CMEK cannot be enabled on any project that has one or more queues with HTTP Target Override headers or tasks "
        "ttl of more than 60 days.",
        [ErrorInfo(reason="UNSATISFIED_PRECONDITION_FOR_CMEK", domain="cloudtasks.googleapis.com")],
    )
    assert not_put(api, KEY) == not_put(api, "not-a-key") == refusal
    assert key_of(api) == KEY
    assert put(api, "").kms_key == ""
    elsewhere = {"name": f"{api.parent}2/cmekConfig", "kms_key": KEY.replace("/l/", "/l2/")}
    assert api.call("update_cmek_config", cmek_config=elsewhere).kms_key == elsewhere["kms_key"]
    api.call("delete_queue", name=api.name())
    assert put(api, KEY).kms_key == KEY

"""Keys that encrypt a location's tasks (CMEK): which are accepted. Nothing here uses them (CT-L21)."""

import re

from gcptasks.base.errors import InvalidArgument, NotFound
from gcptasks.base.names import LocationName

_KEY_RING = r"projects/[^/]+/locations/(?P<location>[^/]+)/keyRings/[^/]+"
_KEY = re.compile(rf"{_KEY_RING}/cryptoKeys/[^/]+")
_ANOTHER_RESOURCE = re.compile(rf"{_KEY_RING}(/importJobs/[^/]+|/cryptoKeys/[^/]+/cryptoKeyVersions/[^/]+)?")


def check_key(location: LocationName, key: str) -> None:
    """Raise if the location cannot have that key: `InvalidArgument`, or `NotFound` of a key elsewhere (CT-288)."""
    found = _KEY.fullmatch(key)
    if found is None:
        if _ANOTHER_RESOURCE.fullmatch(key):
            raise InvalidArgument("Request contains an invalid argument.")
        raise InvalidArgument(f"Resource name [{key}] does not match any known resource name pattern.")
    if found["location"] != location.location:
        raise NotFound("Requested entity was not found.")

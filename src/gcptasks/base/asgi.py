"""What an attempt into an app of this process tells the app beyond a request, in its ASGI scope."""

from collections.abc import Mapping
from typing import Any, NamedTuple

DELIVERY = "gcptasks.delivery"
"""The key in the scope. No request from outside can have it: servers make scopes."""

VERIFIED = "gcptasks.verified"
"""The key under which a verification leaves word that it let the caller in."""

LEASED_RECORD = "gcptasks.leased_record"
"""The key under which an attempt has the record that was begun with its lease, if one was."""

RECORDING = "gcptasks.recording"
"""The key under which a worker has the recording of the attempt."""


class Delivery(NamedTuple):
    """Who delivers: the issuer of its tokens, and the public keys that they are signed with, by key id."""

    issuer: str
    keys: Mapping[str, Any]

"""Who may do what with a queue: what policies say and which are accepted. Nothing here enforces them (CT-L9)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gcptasks.base.epoch import EPOCH
from gcptasks.base.errors import Aborted, InvalidArgument

_VERSIONS = (0, 1, 3)
_ROLE = re.compile(r"((organizations|projects)/[^/]+/)?roles/[^/]+")
_EVERYBODY = frozenset(("allUsers", "allAuthenticatedUsers"))
_MEMBER = re.compile(
    "(deleted:)?(user|serviceAccount|group|principal|principalSet):.+"
    "|(domain|projectOwner|projectEditor|projectViewer):.+",
    re.DOTALL,
)
_PERMISSION = re.compile(r"[A-Za-z]\w*\.[A-Za-z]\w*\.[A-Za-z]\w*", re.ASCII)
PERMISSIONS = frozenset(
    f"cloudtasks.{name}"
    for name in (
        *(f"queues.{verb}" for verb in ("delete", "get", "getIamPolicy", "pause", "purge", "resume", "setIamPolicy")),
        "queues.update",
        *(f"tasks.{verb}" for verb in ("create", "delete", "fullView", "get", "list", "run")),
    )
)
"""What can be held on a queue. To create and to list queues are permissions on a location."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A role, and who has it."""

    role: str
    members: tuple[str, ...]
    has_condition: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IamPolicy:
    """A queue's policy. `etag` is another one after each change."""

    version: int
    bindings: tuple[Binding, ...]
    etag: bytes


NO_POLICY = IamPolicy(version=0, bindings=(), etag=b"\0 \1")
"""What a queue without a policy has (CT-085)."""


def replaced(current: IamPolicy, asked: IamPolicy, now: datetime) -> IamPolicy:
    """The policy that takes the place of `current`.

    `Aborted` if what is asked for was made of an older one (CT-087), `InvalidArgument` if it cannot be (CT-286).
    """
    check_version(asked.version)
    for binding in asked.bindings:
        _check(binding)
    if asked.etag not in (b"", current.etag):
        raise Aborted(
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. "
            f"The request's ETag '{_escaped(asked.etag)}' did not match the current policy's ETag "
            f"'{_escaped(current.etag)}'."
        )
    return IamPolicy(version=1, bindings=_merged(asked.bindings), etag=_next_etag(current.etag, now))


def check_version(version: int) -> None:
    """Raise `InvalidArgument` if policies have no such version (CT-286e)."""
    if version not in _VERSIONS:
        raise InvalidArgument(
            f"Specified policy version ({version}) is not supported. For more information, please refer to "
            "https://cloud.google.com/iam/help/allow-policies/versions."
        )


def held(permissions: Sequence[str]) -> list[str]:
    """Those of the permissions that the caller has: all, in order (CT-088, CT-L9); the first wrong one raises."""
    if not permissions:
        raise InvalidArgument("At least one permission must be specified.")
    for permission in permissions:
        if not _PERMISSION.fullmatch(permission):
            raise InvalidArgument(f"The permission {permission} is invalid.")
        if permission not in PERMISSIONS:
            raise InvalidArgument(f"Permission {permission} is not valid for this resource.")
    return sorted(permissions)


def _check(binding: Binding) -> None:
    if not _ROLE.fullmatch(binding.role):
        raise InvalidArgument(
            'The role name must be in the form "roles/{role}", "organizations/{organization_id}/roles/{role}", or '
            '"projects/{project_id}/roles/{role}".'
        )
    for member in binding.members:
        if member not in _EVERYBODY and not _MEMBER.fullmatch(member):
            raise InvalidArgument(
                f"The member {member} is of an unknown type. Please set a valid type prefix for the member."
            )
    if binding.has_condition:
        raise InvalidArgument("Can't set conditional policy on this resource")


def _merged(bindings: Iterable[Binding]) -> tuple[Binding, ...]:
    """One binding for each role, each member in it once, and none for a role that nobody has (CT-285)."""
    members: dict[str, dict[str, None]] = {}
    for binding in bindings:
        members.setdefault(binding.role, {}).update(dict.fromkeys(binding.members))
    return tuple(Binding(role=role, members=tuple(having)) for role, having in members.items() if having)


def _next_etag(current: bytes, now: datetime) -> bytes:
    # As Google's: a byte 7 and microseconds, which end in the year 3111 here, since a manual clock may go beyond what
    # seven bytes hold. A clock that stands or goes back makes no etag a second time.
    at = min((now - EPOCH) // timedelta(microseconds=1), 2**55)
    before = int.from_bytes(current[1:], "big")
    return b"\7" + max(at, before + 1).to_bytes(7, "big")


def _escaped(etag: bytes) -> str:
    """The etag as Google prints it: what is no printable character is octal (CT-087)."""
    return "".join(_ESCAPES.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}") for byte in etag)


_ESCAPES = {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", ord('"'): '\\"', ord("'"): "\\'", ord("\\"): "\\\\"}

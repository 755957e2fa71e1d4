"""The key of a location as a message, and what the calls on it ask for."""

from dataclasses import dataclass

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import LocationName, parse_cmek_config
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks.names import resource

_PATHS = frozenset(("name", "kms_key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CmekConfig:
    """The key of a location."""

    location: LocationName
    kms_key: str
    """Empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCmekConfig:
    config: CmekConfig
    keeps_key: bool
    """The key of the config is not meant."""


def cmek_config_location(request: messages.GetCmekConfigRequest) -> LocationName:
    """The location that the request is about; a `ServiceError` if it names no config (CT-288)."""
    return resource(parse_cmek_config, request.name, request)


def update_cmek_config(request: messages.UpdateCmekConfigRequest) -> UpdateCmekConfig:
    """What is asked for; a `ServiceError` if the request names no config (CT-288). Without a mask the key is meant."""
    location = resource(parse_cmek_config, request.cmek_config.name, request)
    paths = list(request.update_mask.paths)
    for path in paths:
        if path not in _PATHS:
            raise InvalidArgument(f"Invalid mask: {path}")
    config = CmekConfig(location=location, kms_key=request.cmek_config.kms_key)
    return UpdateCmekConfig(config=config, keeps_key=bool(paths) and "kms_key" not in paths)


def cmek_config_message(config: CmekConfig) -> messages.CmekConfig:
    """The config as callers see it."""
    return messages.CmekConfig(name=f"{config.location}/cmekConfig", kms_key=config.kms_key)

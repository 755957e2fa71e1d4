"""The verbs on the keys of locations. They are kept, and nothing is encrypted with them (CT-L21)."""

from datetime import datetime

from gcptasks.base.errors import ErrorInfo, FailedPrecondition
from gcptasks.base.names import LocationName
from gcptasks.engine.cmek import check_key
from gcptasks.service.policy import Policy
from gcptasks.store.tx import Tx
from gcptasks.wire.cloud_tasks.cmek import CmekConfig, UpdateCmekConfig

_NOT_WITH_HEADERS = (
    "CMEK cannot be enabled on any project that has one or more queues with HTTP Target Override headers or tasks ttl "
    "of more than 60 days."
)


def get_cmek_config(tx: Tx, request: LocationName, now: datetime, policy: Policy) -> CmekConfig:
    return CmekConfig(location=request, kms_key=tx.cmek_configs.key(request))


def update_cmek_config(tx: Tx, request: UpdateCmekConfig, now: datetime, policy: Policy) -> CmekConfig:
    """The config as it is then. A key can be taken away at any time; to have one needs more (CT-288)."""
    config = request.config
    if request.keeps_key:
        return get_cmek_config(tx, config.location, now, policy)
    if config.kms_key:
        if tx.queues.override_headers_in(config.location):
            raise FailedPrecondition(
                _NOT_WITH_HEADERS, ErrorInfo("UNSATISFIED_PRECONDITION_FOR_CMEK", "cloudtasks.googleapis.com")
            )
        check_key(config.location, config.kms_key)
    tx.cmek_configs.save(config.location, config.kms_key)
    return config

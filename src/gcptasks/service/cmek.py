"""The verbs on the keys of locations. They are kept, and nothing is encrypted with them (CT-L21)."""

from datetime import datetime

from gcptasks.base.names import LocationName
from gcptasks.engine.cmek import check_key
from gcptasks.service.policy import Policy
from gcptasks.store.tx import Tx
from gcptasks.wire.cloud_tasks.cmek import CmekConfig, UpdateCmekConfig


def get_cmek_config(tx: Tx, request: LocationName, now: datetime, policy: Policy) -> CmekConfig:
    return CmekConfig(location=request, kms_key=tx.cmek_configs.key(request))


def update_cmek_config(tx: Tx, request: UpdateCmekConfig, now: datetime, policy: Policy) -> CmekConfig:
    config = request.config
    if request.keeps_key:
        return get_cmek_config(tx, config.location, now, policy)
    if config.kms_key:
        check_key(config.location, config.kms_key)
    tx.cmek_configs.save(config.location, config.kms_key)
    return config

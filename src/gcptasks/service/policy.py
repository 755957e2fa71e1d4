"""What the operator of this service chose, as far as verbs must know."""

from dataclasses import dataclass

from gcptasks.engine.quotas import Quotas


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    quotas: Quotas = Quotas.GOOGLE
    create_queues: bool = False
    """Create a queue that a task names first, with the defaults (CT-L16), instead of refusing."""

"""What the operator of this service chose, as far as verbs must know."""

from dataclasses import dataclass

from gcptasks.engine.quotas import Quotas


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    quotas: Quotas = Quotas.GOOGLE
    create_queues: bool = False
    """Create a queue that a task names first, with the defaults (CT-L16), instead of refusing."""
    reuse_names: bool = False
    """Let names of deleted queues and of tasks that are gone be used again at once (CT-L6), instead of refusing."""
    run_paused_jobs: bool = False
    """Let RunJob run a job that is paused (CS-L10), instead of refusing."""
    measured_growth: bool = False
    """Let the waits between a job's attempts grow as measured at Google (CS-146), instead of as documented (CS-L9)."""
    app_engine: str | None = None
    """Where App Engine apps are (CT-L8), such as `http://localhost:8080`; None: requests to them are refused."""

"""Tasks as decorated functions. Only the two exceptions of a worker are here yet: the package keeps its place."""

from gcptasks.worker.retrying import DoNotRetry, RetryLater

__all__ = ["DoNotRetry", "RetryLater"]

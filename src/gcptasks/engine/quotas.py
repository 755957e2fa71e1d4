"""Whether Google's upper limits hold."""

from enum import StrEnum


class Quotas(StrEnum):
    """Whose upper limits of rate and concurrency a queue keeps to; every other rule holds either way (CT-L17)."""

    GOOGLE = "google"
    NONE = "none"

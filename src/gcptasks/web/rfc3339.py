"""Times as JSON has them."""

from datetime import datetime


def rfc3339(at: datetime) -> str:
    """That time, which is in UTC."""
    return at.isoformat().replace("+00:00", "Z")

"""What a caller without the right to call is answered."""

INVALID_TOKEN = 401
FORBIDDEN = 403
NO_KEYS = 503


class Refusal(Exception):
    """The caller is not let in. The text is the reason, for the log alone; the caller learns the `status`."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)

"""A form with files: `multipart/form-data`, by RFC 7578."""

import hashlib

from fastapi_gcp_tasks.encode.files import Part
from gcptasks.engine.header_rules import Headers


def multipart(parts: list[bytes]) -> tuple[Headers, bytes]:
    """The header and the body that carry these parts, the same for the same parts."""
    # A line of the content would have to hold the hash of all content, itself included.
    boundary = hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()
    line = f"--{boundary}".encode()
    body = b"".join(b"%b\r\n%b\r\n" % (line, one) for one in parts)
    return (("content-type", f"multipart/form-data; boundary={boundary}"),), b"%b%b--\r\n" % (body, line)


def part(key: str, value: str | Part) -> bytes:
    """A field or a file, with its head."""
    head = f'Content-Disposition: form-data; name="{key}"'
    if isinstance(value, str):
        return f"{head}\r\n\r\n{value}".encode()
    head += f'; filename="{value.filename}"'
    for name, text in value.headers:
        head += f"\r\n{name}: {text}"
    return b"%b\r\n\r\n%b" % (head.encode(), value.content)

"""Basic authentication: taking credentials out of a request, and comparing them in constant time."""

from __future__ import annotations

from pytest_pushgateway.gateway.app.answers import error
from pytest_pushgateway.gateway.http.host import Answer, HeaderLines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.gateway.http.head import Head


def credentials(head: Head) -> tuple[bytes, bytes] | None:
    """Return user and password of an Authorization header, as Go's ``Request.BasicAuth`` reads it; None without."""
    header = head.fields.get("authorization", "")
    scheme, space, encoded = header.partition(" ")
    if not space or scheme.lower() != "basic":
        return None
    import base64

    try:
        decoded = base64.b64decode(encoded.encode("latin-1"), validate=True)
    except ValueError:
        return None
    user, colon, password = decoded.partition(b":")
    return (user, password) if colon else None


class PlainPassword:
    """Access for one user whose password is known."""

    rate: tuple[float, int] | None = None

    def __init__(self, user: str, password: str) -> None:
        self._expected = user.encode(), password.encode()

    def admit(self, head: Head) -> tuple[Answer | None, HeaderLines]:
        """Return the answer to a request without the right user and password, or None; and no headers."""
        import hmac

        given = credentials(head) or (b"", b"")
        # Both are compared, so that the time reveals nothing about the user's name.
        matches = [hmac.compare_digest(one, other) for one, other in zip(given, self._expected, strict=True)]
        return None if all(matches) else error(401, "Unauthorized", [("Www-Authenticate", "Basic")]), []

    def users(self) -> list[str]:
        """Return the one user."""
        return [self._expected[0].decode()]

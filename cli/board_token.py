"""Who may use the board: the user who started it, and nobody else on the machine.

The address that is printed has a token in it, as Jupyter's has. Whoever opens it is given a cookie with the token, for
this browser. A request without either is refused, whatever it asks for. The token is new each time the board starts.

Cookies do not tell the ports of a host apart, so the name of the cookie does: two boards do not lock each other out.
"""

import hmac
import secrets
from dataclasses import dataclass, field

from werkzeug.wrappers import Request, Response

__all__ = ["PARAMETER", "Token"]

PARAMETER = "token"
"""Of the address that is printed."""


@dataclass(frozen=True)
class Token:
    port: int
    """Where the board listens."""
    secret: str = field(default_factory=secrets.token_urlsafe, repr=False)

    @property
    def query(self) -> str:
        """What the printed address ends with."""
        return f"?{PARAMETER}={self.secret}"

    def is_in(self, request: Request) -> bool:
        """Tell whether the request comes from somebody who has the token; how long that takes does not tell it."""
        given = (request.args.get(PARAMETER, ""), request.cookies.get(self._cookie, ""))
        return any(hmac.compare_digest(each.encode(errors="replace"), self.secret.encode()) for each in given)

    def give(self, request: Request, response: Response) -> None:
        """Set the cookie for a browser that came with the printed address."""
        if PARAMETER in request.args:
            response.set_cookie(self._cookie, self.secret, path="/", httponly=True, samesite="Strict")

    @property
    def _cookie(self) -> str:
        return f"runwatch-board-{self.port}"

"""Validation of the access token, and of the addresses and names of a server.

Jupyter's own server compares the token of each request with the one it was started with (``Server(token=…)``).
"""

import ipaddress
import socket
from collections.abc import Sequence

TOKEN_VARIABLE = "FOUNDATIONS_TOKEN"
SHORTEST_TOKEN = 12
"""Minimum number of characters of a token."""


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach ``address`` (an IP address, or the name localhost)."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def refusal(token: str, address: str, names: Sequence[str] = ()) -> str:
    """Return the reason why a server must not listen on ``address`` with this token; empty if it may.

    Args:
        token: the token; empty for none.
        address: address to listen on; empty for every address of this machine.
        names: host names under which a proxy forwards requests.
    """
    if why := _no_address(address):
        return why
    if token and len(token) < SHORTEST_TOKEN:
        return f"the token must have at least {SHORTEST_TOKEN} characters"
    if not token and (names or not is_loopback(address)):
        reached = ", ".join(names) or address or "every address of this machine"
        return (
            f"others can reach {reached}, and a dashboard runs code here: "
            f"give a token of at least {SHORTEST_TOKEN} characters with --token or {TOKEN_VARIABLE}"
        )
    return ""


def _no_address(address: str) -> str:
    """Return the reason why a server cannot listen on ``address``; empty if it can."""
    try:
        found = socket.getaddrinfo(address or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        return f"--ip must be an address or name of this machine; got {address!r} ({error.strerror})"
    family, kind, _, _, place = found[0]
    with socket.socket(family, kind) as probe:
        try:
            probe.bind(place)
        except OSError as error:
            return f"--ip must be an address of this machine; got {address!r} ({error.strerror})"
    return ""

"""The access token: when one is needed, and what it must look like.

Jupyter's own server compares the token of each request with the one it was started with (``Server(token=…)``).
"""

import ipaddress

TOKEN_VARIABLE = "FOUNDATIONS_TOKEN"
SHORTEST_TOKEN = 12
"""Characters of a token at least."""


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach ``address`` (an IP address, or the name localhost)."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def refusal(token: str, address: str) -> str:
    """Return why a server must not listen on ``address`` with this token; empty if it may."""
    if token and len(token) < SHORTEST_TOKEN:
        return f"the token must have at least {SHORTEST_TOKEN} characters"
    if not token and not is_loopback(address):
        return (
            f"others can reach {address or 'every address of this machine'}, and a dashboard runs code here: "
            f"give a token of at least {SHORTEST_TOKEN} characters with --token or {TOKEN_VARIABLE}"
        )
    return ""

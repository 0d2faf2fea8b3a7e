"""Extended DNS errors (RFC 8914): why a reply is not what was hoped for, for the people who look at it.

The texts are constants: they tell what any client may know, nothing of members, networks or keys.
"""

import enum

from gslb.wire.edns import Option, render_option


class Ede(enum.IntEnum):
    """The codes that we give, by IANA's registry."""

    OTHER = 0
    NOT_READY = 14
    PROHIBITED = 18
    NOT_AUTHORITATIVE = 20
    NOT_SUPPORTED = 21
    INVALID_QUERY_TYPE = 30


def render_ede(code: Ede, text: str = "") -> bytes:
    """The option with its code and text."""
    return render_option(Option.EDE, code.to_bytes(2, "big") + text.encode())


UNKNOWN_OPCODE = render_ede(Ede.NOT_SUPPORTED)
NOT_OURS = render_ede(Ede.NOT_AUTHORITATIVE)
NO_VERSION = render_ede(Ede.NOT_READY, "no version of the zone")
NO_TRANSFER = render_ede(Ede.PROHIBITED, "transfer not allowed")
TCP_ONLY = render_ede(Ede.NOT_SUPPORTED)
BUSY = render_ede(Ede.OTHER, "too many transfers; come again")
NOT_ALLOWED = render_ede(Ede.PROHIBITED)
NO_NOTIFY = render_ede(Ede.PROHIBITED, "not from a primary")
NO_SUCH_QUESTION = render_ede(Ede.INVALID_QUERY_TYPE)
UNKNOWN_KEY = render_ede(Ede.PROHIBITED, "unknown key")
DEGRADED = render_ede(Ede.OTHER, "steering is degraded")
NONE_AVAILABLE = render_ede(Ede.OTHER, "no member is available")

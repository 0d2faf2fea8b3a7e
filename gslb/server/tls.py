"""TLS on a connection of our own (RFC 7858), without a socket: octets from the network in, octets for it out.

The layer sits between the transport and the framing of messages, so a TLS connection is a TCP connection in all that
limits, turns and transfers mean. The handshake is a step that is taken when it is the connection's turn: it is the
costliest thing that a client may ask for.
"""

import contextlib
import ssl

_READ_OCTETS = 1 << 16


class TlsLayer:
    """One connection's TLS. Any fault of the client's is an `ssl.SSLError` of `handshake` or `receive`. `spoken`, once
    the handshake is through, is `TLSv1.3` or `TLSv1.2`, with `/dot` where the client asked for DNS by ALPN."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.established = False
        self.ended = False
        self.spoken = ""

    def take(self, data: bytes) -> None:
        """Octets came; `handshake` or `receive` look at them."""
        self._incoming.write(data)

    def handshake(self) -> bool:
        """Go on with the handshake; True once it is through. What it has to say is in `outgoing`, after an error too:
        the alert."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.established = True
        protocol = self._object.selected_alpn_protocol()
        self.spoken = (self._object.version() or "") + (f"/{protocol}" if protocol else "")
        return True

    def receive(self) -> bytes:
        """What the client says, as far as it came. `ended` is true once it has said that no more will come."""
        found = []
        with contextlib.suppress(ssl.SSLWantReadError):
            while not self.ended:
                plain = self._object.read(_READ_OCTETS)
                found.append(plain)
                self.ended = not plain
        return b"".join(found)

    def send(self, data: bytes) -> None:
        self._object.write(data)

    def end(self) -> None:
        """Say that no more will come."""
        if self.established:
            with contextlib.suppress(ssl.SSLError):
                self._object.unwrap()

    def outgoing(self) -> bytes:
        """Octets for the network."""
        return self._outgoing.read()

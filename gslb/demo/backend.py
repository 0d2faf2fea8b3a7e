"""A backend of the demo: `python -m gslb.demo.backend ADDRESS PORT` answers each GET with a line that says who it is.

It prints one line when it listens. `/health` is what the node probes.
"""

import signal
import socketserver
import sys
from http.server import BaseHTTPRequestHandler

HEALTH_PATH = "/health"


class _Handler(BaseHTTPRequestHandler):
    timeout = 5.0  # an idle connection holds a thread no longer

    def do_GET(self) -> None:
        host, port = self.connection.getsockname()
        text = "ok\n" if self.path == HEALTH_PATH else f"backend {host} port {port}\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """A probe a second is nothing to write down."""


class _Server(socketserver.ThreadingTCPServer):  # http.server's own would look its address up in DNS
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


def main(address: str, port: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _Server((address, port), _Handler) as server:
        print("listens", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

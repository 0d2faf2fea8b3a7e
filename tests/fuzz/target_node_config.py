"""gslb.yaml."""

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fuzz_zones import ROOT
from fuzzing import Target
from mutating import of_words

from gslb.config.node import load_node
from gslb.config.problems import ConfigError

WORDS = (
    ":", ": ", "- ", "{", "}", "[", "]", "'", '"', "\n", "\n  ", "&a ", "*a", "<<: *a", "!!x ", "#", "~", "\t", "\0",
    "ü", "1e999", "-1", "node", "listen", "state_dir", "api", "log", "format", "json", "level", "nsid", "cookies",
    "secret", "previous", "required", "monitors", "probe", "http", "https", "tcp", "port", "interval", "5s", "1ms",
    "999999999h", "timeout", "rise", "fall", "path", "expect", "keys", "algorithm", "hmac-sha256", "c2VjcmV0", "file",
    "peers", "address", "192.0.2.1", "2001:db8::1", "::1%lo", "kind", "foreign", "zones", "zones_dir", "primaries",
    "notify", "allow_transfer", "key:x", "192.0.2.0/24", "probe_allow", "limits", "1GiB", "udp_size", "nameservers",
    "ns.example.", "off", "on", "no", "a" * 300, "..", "/", "[::1]:53",
)  # fmt: skip
CLUSTER = """\
node: ns1
listen: [127.0.0.1:5300, "[::1]:5300"]
state_dir: state
keys: {new: {secret: c2VjcmV0IHNlY3JldA==}, old: {secret: c2VjcmV0IHNlY3JldA==}}
peers:
  ns2: {address: 192.0.2.2, key: [new, old]}
  knot: {address: "2001:db8::53", port: 5300, key: old, kind: foreign}
notify: [ns2, knot]
allow_transfer: [ns2, key:old, 192.0.2.0/24, "2001:db8::/32"]
probe_allow: [10.0.0.0/8, 192.0.2.1]
zones: {a: {file: a.yaml, notify: knot}, b: {primaries: [ns2], allow_transfer: [knot]}}
cookies: {secret: 00112233445566778899aabbccddeeff, required: yes}
limits: {transfers_in: 2, journal_size: 1GiB, transfer_idle: 5s}
"""


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="gslb-fuzz-")


def check(data: bytes) -> None:
    path = Path(_folder().name) / "gslb.yaml"
    path.write_bytes(data)
    path.chmod(0o600)
    try:
        load_node(path)
    except ConfigError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.message
            assert 1 <= problem.line <= len(data) + 1


def seeds() -> Iterator[bytes]:
    yield (ROOT / "deploy" / "gslb.yaml").read_bytes()
    yield CLUSTER.encode()
    yield b"zones_dir: zones\n"
    yield b"monitors: {web: {probe: http, path: /, expect: {status: [200]}}}\n"


TARGET = Target(
    "any text is a configuration or problems with line numbers",
    seeds,
    check,
    of_words(WORDS),
    most_octets=16384,
    most_seconds=20,
)

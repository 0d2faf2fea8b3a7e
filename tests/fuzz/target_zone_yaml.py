"""Zones in octoDNS's YAML."""

from collections.abc import Iterator

from fuzz_zones import ROOT, STEERED
from fuzzing import Target
from mutating import of_words
from zone_texts import check_zone_text

WORDS = (
    ":", ": ", "- ", "{", "}", "[", "]", "'", '"', "\n", "\n  ", "*", "&a ", "*a", "<<: *a", "!!x ", "!!binary ", "#",
    "~", "null", "|\n  x", ">-\n  x", "? ", "--- ", "...\n", "%YAML 1.1\n", "\t", "\0", "ü", "\u2028", "\ufeff",
    "1e999", "-1", "0x10", "010", "1:30", "''", "type", "A", "AAAA", "CNAME", "DNAME", "MX", "SRV", "TXT", "CAA",
    "NS", "ALIAS", "SSHFP", "TLSA", "NAPTR", "LOC", "SVCB", "HTTPS", "TYPE65282", "ttl", "value", "values", "gslb",
    "monitor", "web", "policy", "failover", "weights", "status", "down", "answers", "all_down", "targets",
    "min_healthy", "dynamic", "pools", "fallback", "rules", "pool", "geos", "octodns", "healthcheck", "192.0.2.1",
    "2001:db8::1", "example.com.", "*.a", "_gslb", "soa", "minimum", "weight", "4294967296", "\\000", "\\.", "a" * 64,
)  # fmt: skip
SMALL = (
    "www: {type: A, value: 192.0.2.1}\n'': {type: NS, value: ns.example.net.}\n",
    "'': {type: NS, value: ns.example.net.}\nw:\n  type: A\n  values: [192.0.2.1]\n  gslb: {weights: {192.0.2.1: 2}}\n",
    "a: {type: TXT, value: 'x'}\na: {type: TXT, value: y}\n",
    "'': {type: NS, value: ns.example.net.}\nm: {type: MX, value: {preference: 1, exchange: m.example.com.}}\n",
)


def seeds() -> Iterator[bytes]:
    yield (ROOT / "zones" / "example.com.yaml").read_bytes()
    yield (ROOT / "tests" / "config" / "data" / "breadth.example.yaml").read_bytes()
    yield STEERED.encode()
    yield from (text.encode() for text in SMALL)


TARGET = Target(
    "any text is a zone that can be answered from and sent, or problems with line numbers, in bounded time",
    seeds,
    lambda data: check_zone_text(data, "octodns"),
    of_words(WORDS),
    most_octets=8192,
    most_seconds=20,
)

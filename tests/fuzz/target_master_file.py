"""Zones as master files."""

from collections.abc import Iterator

from fuzz_zones import ROOT, scenario_zones
from fuzzing import Target
from mutating import of_words
from zone_texts import check_zone_text

WORDS = (
    "\n", " ", "\t", "(", ")", ";", '"', "\\", "\\000", "\\255", "\\.", "@", "*", "..", "$TTL 1h\n", "$ORIGIN a\n",
    "$ORIGIN .\n", "$INCLUDE x\n", "$GENERATE 1-3 a$ A 192.0.2.$\n", "$GENERATE 0-655 ${0,3,d} TXT x\n",
    "$GENERATE 5-1/2 x CNAME ${-1,2,x}\n", "$BAD\n", "IN", "CH", "A", "AAAA", "NS", "SOA", "CNAME", "DNAME", "MX",
    "TXT", "SRV", "CAA", "DS", "RRSIG", "NSEC", "TYPE65282", "\\# 4 0a000001", "\\# 1", "1h", "4294967296", "-1",
    "192.0.2.1", "2001:db8::1", "example.com.", "outside.", "_gslb", "ü", "\0", "a" * 64, "a." * 130,
)  # fmt: skip
SMALL = "@ 1h SOA ns.example.net. ops 1 2h 3m 4w 60\n@ NS ns.example.net.\nwww 300 IN A 192.0.2.1\n"


def seeds() -> Iterator[bytes]:
    yield (ROOT / "zones" / "2.0.192.in-addr.arpa.zone").read_bytes().replace(b"2.0.192.in-addr.arpa", b"example.com")
    yield SMALL.encode()
    for text in scenario_zones():
        yield text.replace("example.", "example.com.").encode()


TARGET = Target(
    "any text is a zone that can be answered from and sent, or problems with line numbers, in bounded time",
    seeds,
    lambda data: check_zone_text(data, "master"),
    of_words(WORDS),
    most_octets=8192,
    most_seconds=60,  # a million records that $GENERATE makes
)

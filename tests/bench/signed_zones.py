"""Signed zones with something to be dear about, as master files: a chain of NSEC, and chains of NSEC3 without
iterations and with as many as are served. The signatures are made up: nobody verifies them here."""

from signed_zone import complete, with_nsec, with_nsec3

from gslb.wire.codes import type_from_text, type_to_text
from gslb.wire.names import name_from_text, name_to_text
from gslb.wire.rdata import rdata_from_text, rdata_to_text
from gslb.zone.builder import ZoneBuilder
from gslb.zone.denial import MAX_ITERATIONS
from gslb.zone.rrset import RRset
from gslb.zone.zone import Zone

NSEC, NSEC3, MOST = "nsec.test", "nsec3.test", "most.test"
CHAINS = {
    NSEC: with_nsec,
    NSEC3: lambda zone: with_nsec3(zone, 0),
    MOST: lambda zone: with_nsec3(zone, MAX_ITERATIONS, bytes(8), opt_out=True),
}
DEEP = ".".join("n" * 100)
_SERVERS = 13


def master_files() -> dict[str, str]:
    """The zones by apex."""
    return {apex: _text(complete(sign(_unsigned(apex)))) for apex, sign in CHAINS.items()}


def _text(zone: Zone) -> str:
    return "".join(
        f"{name_to_text(rrset.owner)} {rrset.ttl_seconds} {type_to_text(rrset.rtype)} "
        f"{rdata_to_text(rrset.rtype, rdata)}\n"
        for rrset in zone.each_rrset()
        for rdata in rrset.rdatas
    )


def _unsigned(apex: str) -> Zone:
    origin = name_from_text(f"{apex}.")
    builder = ZoneBuilder(origin)
    for line in _lines():
        owner, rtype, rdata = line.split(maxsplit=2)
        kind = type_from_text(rtype)
        builder.add(RRset(name_from_text(owner, origin), kind, 300, (rdata_from_text(kind, rdata, origin),)))
    return builder.build()


def _lines() -> list[str]:
    return [
        "@ SOA ns1 ops 1 3600 600 86400 60",
        "@ NS ns1",
        "ns1 A 192.0.2.1",
        *(f"s{number} A 192.0.2.{number + 1}" for number in range(100)),
        f"{DEEP} A 192.0.2.1",
        "*.wild A 192.0.2.1",
        *(f"c{number} CNAME c{number + 1}" for number in range(8)),
        "c8 A 192.0.2.1",
        *(f"*.w{number} CNAME x.w{number + 1}" for number in range(8)),
        "*.w8 A 192.0.2.1",
        *(f"d{number} DNAME d{number + 1}" for number in range(8)),
        "x.d8 A 192.0.2.1",
        "up DNAME @",
        "off DNAME @",
        *_delegation("safe"),
        f"safe DS 1 13 2 {'00' * 32}",
        *_delegation("unsafe"),
        *_delegation(f"{DEEP}.under"),
    ]


def _delegation(child: str) -> list[str]:
    hosts = [f"h{number}.{child}" for number in range(_SERVERS)]
    return [line for number, host in enumerate(hosts) for line in (f"{child} NS {host}", f"{host} A 192.0.2.{number}")]

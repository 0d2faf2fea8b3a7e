"""What there is in the small internet: machines, and the zones above and beside those of our nodes.

`com`, `net`, `org`, `example` and the reverse zones are delegated by two root servers to two servers of top-level
domains. These delegate `example.com`, as deploy/DELEGATION.md has it, and some more, to our nodes `ns1` and `ns2`, and
everything else to the server `other`. Addresses are those set aside for documentation.

Zones are master files as text, without an SOA: `master_file` adds one.
"""

from ipaddress import ip_address

from guide import snippet

MACHINES: dict[str, tuple[str, ...]] = {
    "root1": ("203.0.113.1", "2001:db8:a1::1"),
    "root2": ("198.51.100.1", "2001:db8:a2::1"),
    "tld1": ("203.0.113.11", "2001:db8:b1::1"),
    "tld2": ("198.51.100.11", "2001:db8:b2::1"),
    "other": ("203.0.113.21", "2001:db8:c1::1"),
    "ns1": ("192.0.2.53", "2001:db8:1::53"),
    "ns2": ("198.51.100.53", "2001:db8:2::53"),
    "web": ("192.0.2.1", "192.0.2.2", "192.0.2.3"),
    "unbound": ("203.0.113.101", "2001:db8:d1::1"),
    "unbound-tcp": ("203.0.113.102", "2001:db8:d2::1"),
    "named": ("203.0.113.103", "2001:db8:d3::1"),
    "named-ipv4": ("203.0.113.104",),
    "client": ("203.0.113.200", "2001:db8:e1::1"),
}
NODES = ("ns1", "ns2")
RESOLVERS = ("unbound", "unbound-tcp", "named", "named-ipv4")
OURS = ("example.com", "fast.example.com", "lb.example.org", "breadth.example", "2.0.192.in-addr.arpa")
"""The zones of our nodes; of the second both the zone and its parent are ours."""


def _hosts(**names: str) -> str:
    """Address records of host names, by the machine they are."""
    return "".join(
        f"{name} {'AAAA' if ':' in address else 'A'} {address}\n"
        for machine, name in names.items()
        for address in MACHINES[machine]
    )


def _delegation(zones: tuple[str, ...], *servers: str) -> str:
    return "".join(f"{zone} NS {server}\n" for zone in zones for server in servers)


_ROOTS = ("a.root-servers.net.", "b.root-servers.net.")
_TLDS = ("a.gtld-servers.net.", "b.gtld-servers.net.")
_OURS = ("ns1.example.com.", "ns2.example.com.")
_OTHER = "ns.example.net."
_ROOT_HOSTS = _hosts(root1=_ROOTS[0], root2=_ROOTS[1])
_TLD_HOSTS = _hosts(tld1=_TLDS[0], tld2=_TLDS[1])
_OUR_HOSTS = _hosts(ns1=_OURS[0], ns2=_OURS[1])
_OTHER_HOSTS = _hosts(other=_OTHER)
TOP_LEVEL = ("com", "net", "org", "example", "arpa")

ROOT_HINTS = _delegation((".",), *_ROOTS).replace(" NS ", " 3600000 NS ") + _ROOT_HOSTS.replace(" A", " 3600000 A")

ROOT_ZONES = {".": _delegation((".",), *_ROOTS) + _ROOT_HOSTS + _delegation(TOP_LEVEL, *_TLDS) + _TLD_HOSTS}

_REVERSE_OTHER = ("100.51.198.in-addr.arpa.", "113.0.203.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa.")


def _apex(*servers: str) -> str:
    return _delegation(("@",), *servers)


TLD_ZONES = {
    "com": _apex(*_TLDS) + _delegation(("example.com.",), *_OURS) + _OUR_HOSTS,
    "net": _apex(*_TLDS)
    + _delegation(("example.net.",), _OTHER)
    + _OTHER_HOSTS
    + _delegation(("root-servers.net.", "gtld-servers.net."), *_TLDS)
    + _TLD_HOSTS,
    "org": _apex(*_TLDS) + _delegation(("example.org.",), _OTHER),
    "example": _apex(*_TLDS) + _delegation(("breadth.example.",), *_OURS) + _delegation(("asn.example.",), _OTHER),
    "root-servers.net": _apex(*_TLDS) + _ROOT_HOSTS,
    "gtld-servers.net": _apex(*_TLDS) + _TLD_HOSTS,
    "arpa": _apex(*_TLDS) + _delegation(("in-addr.arpa.", "ip6.arpa."), *_TLDS),
    "in-addr.arpa": _apex(*_TLDS)
    + _delegation(("2.0.192.in-addr.arpa.",), *_OURS)
    + _delegation(_REVERSE_OTHER[:2], _OTHER),
    "ip6.arpa": _apex(*_TLDS) + _delegation(_REVERSE_OTHER[2:], _OTHER),
}


def _origins() -> str:
    """Where each documentation prefix is announced from, for zonemaster: three networks of three operators."""
    lines = [
        f'*.{reverse}.origin TXT "{number} | {prefix} | ZZ | example | 2020-01-01"\n'
        for reverse, prefix, number in (
            ("2.0.192", "192.0.2.0/24", 64501),
            ("100.51.198", "198.51.100.0/24", 64502),
            ("113.0.203", "203.0.113.0/24", 64503),
        )
    ]
    lines += [
        f'*.{reverse}.0.0.0.8.b.d.0.1.0.0.2.origin6 TXT "{number} | {prefix} | ZZ | example | 2020-01-01"\n'
        for reverse, prefix, number in (("1", "2001:db8:1::/48", 64501), ("2", "2001:db8:2::/48", 64502))
    ]
    return "".join(lines)


def _pointer(address: str, name: str) -> str:
    return f"{ip_address(address).reverse_pointer}. PTR {name}\n"


OTHER_ZONES = {
    "example.net": _apex(_OTHER)
    + _OTHER_HOSTS
    + "@ MX 10 mail\nhost A 203.0.113.77\nhost AAAA 2001:db8:c1::77\nalias CNAME host\nmail A 203.0.113.25\n"
    + "*.wild A 203.0.113.78\nback CNAME static.example.com.\naround CNAME around.example.com.\n",
    "asn.example": _apex(_OTHER) + _origins(),
    "example.org": _apex(_OTHER) + snippet(),
    "child.example.com": _apex("ns.child.example.com.", _OTHER)
    + _hosts(other="ns.child.example.com.")
    + "host A 203.0.113.80\nto-parent CNAME static.example.com.\n",
    "noglue.example.com": _apex(_OTHER) + "host A 203.0.113.81\n",
    **{f"cut-{resolver}.example.com": _apex(_OTHER) + "host A 203.0.113.82\n" for resolver in RESOLVERS},
    _REVERSE_OTHER[0][:-1]: _apex(_OTHER) + _pointer(MACHINES["ns2"][0], _OURS[1]),
    _REVERSE_OTHER[1][:-1]: _apex(_OTHER) + _pointer(MACHINES["other"][0], _OTHER),
    _REVERSE_OTHER[2][:-1]: _apex(_OTHER)
    + _pointer(MACHINES["ns1"][1], _OURS[0])
    + _pointer(MACHINES["ns2"][1], _OURS[1]),
}


def master_file(apex: str, records: str) -> str:
    origin = apex if apex == "." else f"{apex}."
    server = records.split(" NS ", 1)[1].split(maxsplit=1)[0]
    soa = f"@ SOA {server} hostmaster.example.net. 1 14400 3600 1209600 300\n"
    return f"$ORIGIN {origin}\n$TTL 86400\n{soa}{records}"

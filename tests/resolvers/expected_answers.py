"""What a resolver must find on its way through the delegation: name, type, error code, and the records of the type.

A name is below example.com unless it ends with a dot. The records are those that end the chain, as text without TTL; an
answer by way of names that are somewhere else counts like any.
"""

Expected = tuple[str, str, str, set[str]]

_HOST = "203.0.113.77"
_OK, _NX, _FAILS = "NOERROR", "NXDOMAIN", "SERVFAIL"

EXPECTED_ANSWERS: dict[str, list[Expected]] = {
    "below empty non-terminals": [
        ("leaf.of.the.deep.tree", "A", _OK, {"192.0.2.31"}),
        ("of.the.deep.tree", "A", _OK, set()),
        ("deep.tree", "TXT", _OK, set()),
        ("nobody.the.deep.tree", "A", _NX, set()),
        ("x.y.z.the.deep.tree", "A", _NX, set()),
        ("other.of.the.deep.tree", "TXT", _OK, {'"another leaf"'}),
        ("below.leaf.of.the.deep.tree", "A", _NX, set()),
    ],
    "wildcards": [
        ("one.wild", "A", _OK, {"192.0.2.32"}),
        ("a.b.c.wild", "A", _OK, {"192.0.2.32"}),
        ("one.wild", "MX", _OK, {"5 mail.example.com."}),
        ("one.wild", "TXT", _OK, set()),
        ("*.wild", "A", _OK, {"192.0.2.32"}),
        ("there.wild", "A", _OK, set()),
        ("there.wild", "TXT", _OK, {'"blocks the wildcard"'}),
        ("below.there.wild", "A", _NX, set()),
        ("inner.wild", "A", _OK, set()),
        ("beside.inner.wild", "A", _NX, set()),
        ("wild", "A", _OK, set()),
        ("one.wildcname", "A", _OK, {_HOST}),
        ("two.wildchain", "A", _OK, {_HOST}),
    ],
    "CNAME chains": [
        ("inward", "A", _OK, {"192.0.2.30"}),
        ("out", "A", _OK, {_HOST}),
        ("out", "AAAA", _OK, {"2001:db8:c1::77"}),
        ("chain1", "A", _OK, {_HOST}),
        ("chain1", "CNAME", _OK, {"chain2.example.com."}),
        ("to-child", "A", _OK, {"203.0.113.80"}),
        ("to-fast", "A", _OK, {"192.0.2.40"}),
        ("to-nothing", "A", _NX, set()),
        ("to-no-name", "A", _NX, set()),
        ("inward", "MX", _OK, set()),
        ("there-and-back", "A", _OK, {"192.0.2.30"}),
        ("around", "A", _FAILS, set()),
        ("x.cdn", "TXT", _OK, set()),
    ],
    "DNAME": [
        ("host.moved", "A", _OK, {_HOST}),
        ("alias.moved", "A", _OK, {_HOST}),
        ("some.wild.moved", "A", _OK, {"203.0.113.78"}),
        ("nothing.moved", "A", _NX, set()),
        ("moved", "DNAME", _OK, {"example.net."}),
        ("moved", "A", _OK, set()),
        ("a.renamed", "A", _OK, {"192.0.2.34"}),
        ("leaf.of.the.deep.renamed", "A", _OK, {"192.0.2.31"}),
        ("nobody.renamed", "A", _NX, set()),
        ("x" * 60 + ".long", "A", "YXDOMAIN", set()),
    ],
    "zones delegated on": [
        ("host.child", "A", _OK, {"203.0.113.80"}),
        ("child", "NS", _OK, {"ns.child.example.com.", "ns.example.net."}),
        ("child", "DS", _OK, set()),
        ("ns.child", "AAAA", _OK, {"2001:db8:c1::1"}),
        ("nobody.child", "A", _NX, set()),
        ("to-parent.child", "A", _OK, {"192.0.2.30"}),
        ("host.noglue", "A", _OK, {"203.0.113.81"}),
    ],
    "parent and child on our nodes": [
        ("host.fast", "A", _OK, {"192.0.2.40"}),
        ("fast", "DS", _OK, set()),
        ("fast", "NS", _OK, {"ns1.example.com.", "ns2.example.com."}),
        ("fast", "MX", _OK, set()),
        ("nobody.fast", "A", _NX, set()),
    ],
    "the delegated part of a domain": [
        ("lb.example.org.", "NS", _OK, {"ns1.lb.example.org.", "ns2.lb.example.org."}),
        ("ns1.lb.example.org.", "AAAA", _OK, {"2001:db8:1::53"}),
        ("ns2.lb.example.org.", "A", _OK, {"198.51.100.53"}),
        ("nobody.lb.example.org.", "A", _NX, set()),
    ],
    "reverse names": [
        ("53.2.0.192.in-addr.arpa.", "PTR", _OK, {"ns1.example.com."}),
        ("54.2.0.192.in-addr.arpa.", "PTR", _NX, set()),
        ("53.100.51.198.in-addr.arpa.", "PTR", _OK, {"ns2.example.com."}),
    ],
}

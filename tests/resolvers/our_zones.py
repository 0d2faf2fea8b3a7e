"""The zones of our two nodes: every corner that a resolver can meet on its way through a delegation.

`example.com` is the zone of deploy/DELEGATION.md and more; its parent is `com`. `fast.example.com`, with short TTLs,
has its parent on the same nodes. `lb.example.org` is the part of a domain that the guide's snippet delegates.
`breadth.example` has every record type there is a form for.
"""

from pathlib import Path

from world import RESOLVERS

ROOT = Path(__file__).parents[2]
SHARES = {"192.0.2.1": 6, "192.0.2.2": 3, "192.0.2.3": 1}
"""The weights of the steered names, which are the shares asked for."""
FAST_NEGATIVE_SECONDS = 3
FAST_SECONDS = 2
MONITOR = "monitors: {web: {probe: http, port: 80, interval: 1s, timeout: 1s, rise: 1, fall: 2}}\n"
DETECTION_SECONDS = 2 * 1.0 + 1.0
"""`fall` failures, one an interval, and the time the last takes."""

_POOL = "values: [192.0.2.1, 192.0.2.2, 192.0.2.3]"
_WEIGHTS = "weights: {192.0.2.1: 6, 192.0.2.2: 3, 192.0.2.3: 1}"
_CHUNKS = ", ".join(f"chunk {number:02} {'x' * 200}" for number in range(14))

EXAMPLE_COM = f"""\
'':
  - {{type: NS, values: [ns1.example.com., ns2.example.com.], gslb: {{soa: {{rname: hostmaster.example.net.}}}}}}
  - type: MX
    values: [{{preference: 10, exchange: mail.example.com.}}, {{preference: 20, exchange: mail.example.net.}}]
  - {{type: A, ttl: 60, {_POOL}, gslb: {{monitor: web, answers: 2}}}}
  - {{type: TXT, value: v=spf1 mx -all}}
ns1:
  - {{type: A, value: 192.0.2.53}}
  - {{type: AAAA, value: "2001:db8:1::53"}}
ns2:
  - {{type: A, value: 198.51.100.53}}
  - {{type: AAAA, value: "2001:db8:2::53"}}
mail: {{type: A, value: 192.0.2.25}}
www: {{type: A, ttl: 30, values: [192.0.2.1, 192.0.2.2], gslb: {{monitor: web}}}}
hardware: {{type: HINFO, value: '"amd64" "Linux"'}}
private: {{type: TYPE65280, value: \\# 4 0a000001}}
static: {{type: A, value: 192.0.2.30}}
'*.big': {{type: TXT, values: [{_CHUNKS}]}}
leaf.of.the.deep.tree: {{type: A, value: 192.0.2.31}}
other.of.the.deep.tree: {{type: TXT, value: another leaf}}
'*.wild':
  - {{type: A, value: 192.0.2.32}}
  - {{type: MX, value: {{preference: 5, exchange: mail.example.com.}}}}
there.wild: {{type: TXT, value: blocks the wildcard}}
leaf.inner.wild: {{type: A, value: 192.0.2.33}}
'*.wildcname': {{type: CNAME, value: host.example.net.}}
'*.wildchain': {{type: CNAME, value: chain1.example.com.}}
out: {{type: CNAME, value: host.example.net.}}
chain1: {{type: CNAME, value: chain2.example.com.}}
chain2: {{type: CNAME, value: out.example.com.}}
inward: {{type: CNAME, value: static.example.com.}}
to-child: {{type: CNAME, value: host.child.example.com.}}
to-fast: {{type: CNAME, value: host.fast.example.com.}}
to-steered: {{type: CNAME, value: weighted.example.com.}}
to-nothing: {{type: CNAME, value: nothing.example.net.}}
to-no-name: {{type: CNAME, value: nothing.example.com.}}
there-and-back: {{type: CNAME, value: back.example.net.}}
around: {{type: CNAME, value: around.example.net.}}
moved: {{type: DNAME, value: example.net.}}
renamed: {{type: DNAME, value: tree.example.com.}}
a.tree: {{type: A, value: 192.0.2.34}}
long: {{type: DNAME, value: {"l" * 63}.{"m" * 63}.{"n" * 63}.example.net.}}
child: {{type: NS, values: [ns.child.example.com., ns.example.net.]}}
ns.child:
  - {{type: A, value: 203.0.113.21}}
  - {{type: AAAA, value: "2001:db8:c1::1"}}
noglue: {{type: NS, values: [ns.example.net.]}}
fast: {{type: NS, values: [ns1.example.com., ns2.example.com.]}}
weighted: {{type: A, ttl: 1, {_POOL}, gslb: {{monitor: web, {_WEIGHTS}}}}}
steady: {{type: A, ttl: 1, {_POOL}, gslb: {{monitor: web, policy: failover}}}}
'*.weighted': {{type: A, ttl: 60, {_POOL}, gslb: {{monitor: web, {_WEIGHTS}}}}}
'*.turns': {{type: A, ttl: 60, {_POOL}, gslb: {{monitor: web, policy: round_robin}}}}
'*.first': {{type: A, ttl: 60, {_POOL}, gslb: {{monitor: web, policy: failover}}}}
'*.pair': {{type: A, ttl: 60, {_POOL}, gslb: {{monitor: web, answers: 2}}}}
six:
  type: AAAA
  ttl: 1
  values: ["2001:db8:f::1", "2001:db8:f::2"]
  gslb: {{monitor: web, targets: {{"2001:db8:f::1": 192.0.2.1, "2001:db8:f::2": 192.0.2.2}}}}
'*.cdn':
  type: CNAME
  ttl: 60
  value: host.example.net.
  dynamic:
    pools: {{main: {{values: [{{value: host.example.net.}}, {{value: mail.example.net.}}]}}}}
    rules: [{{pool: main}}]
""" + "".join(f"cut-{resolver}: {{type: NS, values: [ns.example.net.]}}\n" for resolver in RESOLVERS)

FAST = f"""\
'':
  type: NS
  ttl: 60
  values: [ns1.example.com., ns2.example.com.]
  gslb: {{soa: {{rname: hostmaster.example.net., minimum: {FAST_NEGATIVE_SECONDS}}}}}
host: {{type: A, ttl: 60, value: 192.0.2.40}}
version: {{type: TXT, ttl: {FAST_SECONDS}, value: v1}}
"""

LB = """\
'':
  type: NS
  values: [ns1.lb.example.org., ns2.lb.example.org.]
  gslb: {soa: {rname: hostmaster.example.net.}}
ns1:
  - {type: A, value: 192.0.2.53}
  - {type: AAAA, value: "2001:db8:1::53"}
ns2:
  - {type: A, value: 198.51.100.53}
  - {type: AAAA, value: "2001:db8:2::53"}
www: {type: A, ttl: 5, values: [192.0.2.1, 192.0.2.2], gslb: {monitor: web}}
"""

REVERSE = """\
$TTL 3600
@ SOA ns1.example.com. hostmaster.example.net. 1 3600 600 1209600 60
@ NS ns1.example.com.
@ NS ns2.example.com.
53 PTR ns1.example.com.
"""


def breadth() -> str:
    """The zone of every type, whose servers are our nodes."""
    text = (ROOT / "tests/config/data/breadth.example.yaml").read_text()
    return text.replace("[ns1.breadth.example., ns2.breadth.example.]", "[ns1.example.com., ns2.example.com.]", 1)


FILES = {
    "example.com.yaml": EXAMPLE_COM,
    "fast.example.com.yaml": FAST,
    "lb.example.org.yaml": LB,
    "breadth.example.yaml": breadth(),
    "2.0.192.in-addr.arpa.zone": REVERSE,
}

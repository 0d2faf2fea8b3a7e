"""A record of each type of IANA's table, from a master file to the wire and back: the octets are those that NSD and
BIND make of the same text, and what dig prints of them is the record again, in its own form and in RFC 3597's.
"""

import re
import subprocess
from collections.abc import Callable, Iterator

import dns.message
import dns.rdata
import dns.rdataclass
import pytest
from side_by_side import PROGRAMS, SideBySide

from gslb.wire.codes import type_from_text
from gslb.wire.names import name_from_text
from gslb.wire.rdata import rdata_from_text

pytestmark = pytest.mark.daemon

APEX = "types.test."
HEAD = """\
$ORIGIN types.test.
$TTL 300
@ SOA ns ops 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
host A 192.0.2.99
"""
RECORDS = r"""
a1 A 192.0.2.1
mb MB abc.
mg MG abc.
mr MR abc.
null TYPE10 \# 4 00010203
wks WKS 192.0.2.1 6 25 80
ptr PTR host
hinfo HINFO "PC" "Linux"
minfo MINFO abc. def.
genericmb MB \# 5 03616263 00
mx MX 10 host
txt TXT "a b" "c\"d\\e\000\255"
rp RP host host
afsdb AFSDB 1 host
x25 X25 "311061700956"
isdn ISDN "150862028003217" "004"
rt RT 10 host
nsap NSAP 0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00
px PX 10 host net2.it.
aaaa AAAA 2001:db8::1
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m
srv SRV 1 2 443 host
naptr NAPTR 100 50 "s" "http+N2L+N2C+N2R" "" host
naptr2 NAPTR 100 10 "u" "sip+E2U" "!^.*$!sip:info@example.com!" .
kx KX 10 host
cert CERT PKIX 1 5 AQIDBA==
apl APL 1:192.168.32.0/21 !1:192.168.38.0/28 2:2001:db8::/32
ds DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
sshfp SSHFP 4 2 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
ipseckey IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
ipseckey3 IPSECKEY 10 3 2 host AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
dhcid DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=
tlsa TLSA 3 1 1 0C72AC70B745AC19998811B131D662C9AC69DBDBE7CB23E5B514B56664C5D3D6
smimea SMIMEA 3 1 1 0C72AC70B745AC19998811B131D662C9AC69DBDBE7CB23E5B514B56664C5D3D6
cds CDS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
cdnskey CDNSKEY 256 3 5 AQPSKmynfzW4kyBv015MUG2DeIQ3Cbl+
openpgpkey OPENPGPKEY AQPSKmynfzW4kyBv015MUG2DeIQ3Cbl+
csync CSYNC 66 3 A NS AAAA
zonemd ZONEMD 2018031500 1 1 (
  a69088ea9c8fb7d8e5f4bd11d41c5dd3de9ca7e8e0b2c0b2b6c2c5d5f4bd11d41c5dd3de9ca7e8e0b2c0b2b6c2c5d5f4 )
svcb SVCB 1 host alpn="h2,h3" port=8443 ipv4hint=192.0.2.1,192.0.2.2 mandatory=port,alpn no-default-alpn
svcb1 SVCB 1 host ipv6hint=2001:db8::1 key667="hel\243lo"
svcb0 SVCB 0 host
https HTTPS 1 . alpn=h3
spf SPF "v=spf1 -all"
nid NID 10 1014:4fff:ff20:ee64
shortnid NID 10 14:4fff:0:ee64
l32 L32 10 10.1.2.0
l64 L64 10 2001:1DB8:1140:1000
lp LP 10 host
eui48 EUI48 00-00-5e-00-53-2a
eui64 EUI64 00-00-5e-ef-10-00-00-2a
uri URI 10 1 "ftp://ftp1.example.com/public"
caa CAA 0 issue "ca.example.net; policy=ev"
avc TYPE258 \# 2 0161
doa TYPE259 \# 14 00000000 00000000 02 00 00000000
ninfo TYPE56 \# 2 0161
rkey TYPE57 \# 6 000003050102
talink TYPE58 \# 10 03616263000364656600
resinfo TYPE261 \# 12 0b7175616e616d65736d696e
wallet TYPE262 \# 4 03616263
keytype TYPE25 \# 6 010003010102
nxt TYPE30 \# 7 0361626300 0102
eid TYPE31 \# 2 0102
nimloc TYPE32 \# 2 0102
atma TYPE34 \# 5 0131323334
sink TYPE40 \# 3 010203
a6 TYPE38 \# 17 00 20010db8000000000000000000000001
uinfo TYPE100 \# 1 00
dlv TYPE32769 \# 24 EC45 05 01 2BB183AF5F22588179A53B0A98631FAD1A292118
ta TYPE32768 \# 24 EC45 05 01 2BB183AF5F22588179A53B0A98631FAD1A292118
priv TYPE65534 \# 3 abcdef
genericmx MX \# 8 000a 0466616b6500
empty TYPE65280 \# 0
dsync TYPE66 \# 11 003b 01 14eb 04686f7374 00
clientnull CAA 128 tbs "Unknown"
cname CNAME host
dname DNAME host
generic A \# 4 c0000205
"""
# Types of which the peers do not know the text, or refuse the data as obsolete.
OURS_ALONE = r"""
md MD host
mf MF host
nsapptr NSAP-PTR host
gpos GPOS "-32.6882" "116.8652" "10.0"
hip HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMz host
amtrelay AMTRELAY 10 0 1 203.0.113.15
amtrelay3 AMTRELAY 128 1 3 host
"""
NAMES_ONLY = {"MD", "MF", "MB", "MG", "MR", "MINFO"}


def asked(records: str) -> list[tuple[str, str]]:
    """The `(name, type)` of each record."""
    found = re.findall(r"^(\S+) (\S+)", records, re.MULTILINE)
    return [(f"{owner}.{APEX}", rtype) for owner, rtype in found]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[SideBySide]:
    for peer in ("nsd", "bind"):
        tool(PROGRAMS[peer])
    started = SideBySide(tmp_path_factory.mktemp("types"), {"types.test": HEAD + RECORDS}, ("nsd", "bind"))
    started.node.write("types.test.zone", HEAD + RECORDS + OURS_ALONE)
    with started:
        yield started


def rdata_of(servers: SideBySide, server: str, name: str, rtype: str) -> list[bytes]:
    """The rdata of the answer, uncompressed."""
    query = dns.message.make_query(name, rtype, flags=0)
    message = dns.message.from_wire(servers.ask(server, query.to_wire(), tcp=True))
    return sorted(rdata.to_wire() for rrset in message.answer for rdata in rrset)


@pytest.mark.parametrize(("name", "rtype"), asked(RECORDS))
def test_the_octets_are_those_that_other_servers_make_of_the_text(servers: SideBySide, name: str, rtype: str) -> None:
    ours = rdata_of(servers, "gslb", name, rtype)
    assert len(ours) == 1
    assert {peer: rdata_of(servers, peer, name, rtype) for peer in servers.peers} == dict.fromkeys(servers.peers, ours)


def printed(servers: SideBySide, dig: str, *form: str) -> list[str]:
    """What dig prints of the rdata of each record, in order."""
    command = [dig, "@127.0.0.1", "-p", str(servers.node.port), "+noall", "+answer", "+tcp", "+nosplit", *form]
    for question in asked(RECORDS + OURS_ALONE):
        command += question
    lines = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    return [[*line.split(None, 4), ""][4] for line in lines if line and not line.startswith(";")]


@pytest.mark.parametrize("form", [(), ("+unknownformat",)])
def test_what_dig_prints_is_the_record_again(servers: SideBySide, tool: Callable[[str], str], form) -> None:
    questions = asked(RECORDS + OURS_ALONE)
    texts = printed(servers, tool("dig"), *form)
    read = 0
    for (name, rtype), text in zip(questions, texts, strict=True):
        number = type_from_text(rtype)
        known = dns.rdata.get_rdata_class(dns.rdataclass.IN, number) is not dns.rdata.GenericRdata
        if form or known or rtype in NAMES_ONLY:
            rdata = rdata_from_text(number, text, name_from_text("."))
            assert [rdata] == rdata_of(servers, "gslb", name, rtype), (name, rtype, text)
            read += 1
    assert read == len(questions) if form else read > 50

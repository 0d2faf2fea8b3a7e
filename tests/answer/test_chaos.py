"""Class CHAOS: what is told under which name, and that nothing else is."""

import dns.flags
import dns.message
import dns.rcode
import pytest

from gslb.answer.options import NodeOptions
from gslb.answer.respond import Reply, respond
from gslb.answer.short import ShortPath

TELLS = NodeOptions(nsid=b"fra-2", version=b"gslb 1")
VERSION_NAMES = ("version.bind.", "version.server.", "VeRsIoN.BiNd.")
IDENTITY_NAMES = ("id.server.", "hostname.bind.", "ID.server.")


@pytest.fixture
def ask(rich_table, seeded):
    def asked(name: str, rtype: str = "TXT", node: NodeOptions = TELLS, rclass: str = "CH", **more):
        query = dns.message.make_query(name, rtype, rclass, **more)
        data = query.to_wire()
        assert ShortPath().answer(data, rich_table, seeded(0)) is None
        reply = respond(data, rich_table, seeded(0), node=node)
        assert isinstance(reply, Reply)
        message = dns.message.from_wire(reply.wire)
        assert reply.wire[12:].startswith(data[12 : data.find(0, 12) + 5])
        assert message.rcode() == reply.facts.rcode
        return message

    return asked


@pytest.mark.parametrize(
    ("name", "text"), [*((name, "gslb 1") for name in VERSION_NAMES), *((name, "fra-2") for name in IDENTITY_NAMES)]
)
@pytest.mark.parametrize("rtype", ["TXT", "ANY"])
def test_what_the_node_tells_is_one_txt_record_that_nobody_keeps(ask, name: str, rtype: str, text: str) -> None:
    reply = ask(name, rtype)
    assert (reply.rcode(), reply.edns) == (dns.rcode.NOERROR, -1)
    (rrset,) = reply.answer
    assert rrset.to_text() == f'{name} 0 CH TXT "{text}"'
    assert not reply.authority
    assert not reply.flags & (dns.flags.TC | dns.flags.RA)


def test_with_edns_there_is_an_opt(ask) -> None:
    reply = ask("id.server.", use_edns=0)
    assert (reply.edns, len(reply.answer), reply.options) == (0, 1, ())


@pytest.mark.parametrize(
    ("name", "rtype", "node"),
    [
        *((name, "TXT", NodeOptions(nsid=b"fra-2")) for name in VERSION_NAMES),
        *((name, "TXT", NodeOptions(version=b"gslb 1")) for name in IDENTITY_NAMES),
        ("version.bind.", "A", TELLS),
        ("version.bind.", "SOA", TELLS),
        ("authors.bind.", "TXT", TELLS),
        ("bind.", "TXT", TELLS),
        ("x.version.bind.", "TXT", TELLS),
        ("www.example.", "A", TELLS),
        ("example.", "SOA", TELLS),
        (".", "NS", TELLS),
    ],
)
def test_anything_else_of_the_class_is_refused(ask, name: str, rtype: str, node: NodeOptions) -> None:
    reply = ask(name, rtype, node, use_edns=0)
    assert reply.rcode() == dns.rcode.REFUSED
    assert not reply.answer
    assert not reply.authority
    assert [option.to_text() for option in reply.options] == ["EDE 20 (Not Authoritative)"]


@pytest.mark.parametrize("rclass", ["IN", "HS", "ANY", "NONE"])
def test_in_other_classes_these_are_names_like_any(ask, rclass: str) -> None:
    assert ask("version.bind.", "TXT", rclass=rclass).rcode() == dns.rcode.REFUSED

"""What peers get on the DNS port: transfers, NOTIFY and signed queries, read by dnspython as an independent judge."""

import ipaddress
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import pytest
from structlog.testing import capture_logs

from gslb.config.access import AccessList
from gslb.config.peers import Peer
from gslb.transfer.exchange import Exchange, Published, Stream
from gslb.transfer.sparing import TOLD_PER_MINUTE
from gslb.wire import tsig
from gslb.wire.names import Name, name_from_text
from gslb.wire.tsig import TsigKey
from gslb.zone.diff import ChangeSet, diff
from gslb.zone.rrset import RRset
from gslb.zone.steered import Member, Pool, Rule, Steered
from gslb.zone.view import steering_view

APEX = name_from_text("x.example.")
OURS = TsigKey(name_from_text("ours."), "hmac-sha256", b"0" * 32)
THEIRS = TsigKey(name_from_text("theirs."), "hmac-sha512", b"1" * 64)
NODE = Peer("ns2", "192.0.2.2", keys=(OURS,), kind="gslb")
FOREIGN = Peer("knot", "192.0.2.3", keys=(THEIRS,), kind="foreign")
ACCESS = AccessList(peers=(NODE, FOREIGN), known=(NODE, FOREIGN))
LINES = "x.example. 60 SOA ns.x.example. ops.x.example. {serial} 3600 600 86400 60\nx.example. 60 NS ns.x.example.\n"


def keyring(key: TsigKey) -> dict[dns.name.Name, dns.tsig.Key]:
    name = dns.name.from_wire(key.name, 0)[0]
    return {name: dns.tsig.Key(name, key.secret, dns.name.from_text(key.algorithm))}


class World:
    """An exchange with one zone in two versions, and what it was told."""

    def __init__(self, zone_of, *, primaries: tuple[Peer, ...] = (), places: int = 2, filler: int = 0) -> None:
        more = "".join(f"h{number}.x.example. 60 A 10.0.{number >> 8}.{number & 255}\n" for number in range(filler))
        values = (b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02")
        www = RRset(name_from_text("www.x.example."), 1, 30, values)
        pool = Pool("default", tuple(Member(value) for value in values))
        steered = Steered(www, (pool,), (Rule("default"),))
        self.old = steering_view(zone_of(LINES.format(serial=1) + more, steered))
        self.new = steering_view(zone_of(LINES.format(serial=2) + more + "new.x.example. 60 A 192.0.2.9\n", steered))
        self.notified: list[tuple[Name, int | None, str]] = []
        published = Published(self.new, ACCESS, primaries)
        self.exchange = Exchange(
            lambda apex: published if apex == APEX else None,
            self.history,
            lambda *told: self.notified.append(told),
            places=places,
        )
        self.exchange.keys = {key.name: key for key in (OURS, THEIRS)}

    def history(self, _: Name, since: int, private: bool) -> Sequence[ChangeSet] | None:
        change = diff(self.old, self.new)
        return [change if private else change.without_private()] if since == 1 else None

    def ask(
        self, query: dns.message.Message, client: str, key: TsigKey | None = None, *, udp: bool = False, tls: str = ""
    ) -> list[dns.message.Message]:
        """The reply's messages, signatures checked by dnspython."""
        if key is not None:
            query.use_tsig(keyring(key))
        wire = query.to_wire()
        reply = self.exchange.answer(wire, client, lambda data, _: data[:2] + b"\x84\x00" + data[4:], udp=udp, tls=tls)
        return list(read(reply, query, key))


def read(
    reply: bytes | Stream | None, query: dns.message.Message, key: TsigKey | None
) -> Iterator[dns.message.Message]:
    assert reply is not None
    context = None
    for octets in [reply] if isinstance(reply, bytes) else reply.messages:
        message = dns.message.from_wire(
            octets,
            keyring=keyring(key) if key is not None else None,
            request_mac=query.mac if key is not None else b"",
            tsig_ctx=context,
            multi=isinstance(reply, Stream),
            xfr=True,
        )
        assert message.had_tsig is (key is not None)
        context = message.tsig_ctx
        yield message
    if isinstance(reply, Stream):
        reply.close(True)


def records(messages: list[dns.message.Message]) -> list[str]:
    return [
        f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}"
        for message in messages
        for rrset in message.answer
        for rdata in rrset
    ]


def transfer(rtype: str = "AXFR", serial: int | None = None) -> dns.message.Message:
    query = dns.message.make_query("x.example.", rtype)
    if serial is not None:
        soa = dns.rrset.from_text("x.example.", 60, "IN", "SOA", f"ns.x.example. ops.x.example. {serial} 1 1 1 1")
        query.authority.append(soa)
    return query


def is_soa(line: str, serial: int) -> bool:
    return line.startswith(f"x.example. SOA ns.x.example. ops.x.example. {serial} ")


def test_a_gslb_peer_gets_the_steering_view_signed(zone_of) -> None:
    got = records(World(zone_of).ask(transfer(), "192.0.2.2", OURS))
    assert is_soa(got[0], 2)
    assert is_soa(got[-1], 2)
    assert any(line.startswith("_gslb.x.example. TYPE65282") for line in got)
    assert any(line.startswith("www._gslb.x.example. TYPE65282") for line in got)


def test_a_foreign_peer_gets_the_plain_view(zone_of) -> None:
    got = records(World(zone_of).ask(transfer(), "192.0.2.3", THEIRS))
    assert not any("_gslb" in line for line in got)
    assert "www.x.example. A 192.0.2.1" in got
    assert "new.x.example. A 192.0.2.9" in got


@pytest.mark.parametrize(
    ("client", "key"),
    [
        ("192.0.2.2", None),  # its key is missing
        ("192.0.2.9", OURS),  # from elsewhere
        ("192.0.2.2", THEIRS),  # another peer's key
        ("192.0.2.9", None),
    ],
)
def test_who_is_not_on_the_list_is_refused(zone_of, client: str, key: TsigKey | None) -> None:
    for rtype in ("AXFR", "IXFR"):
        world = World(zone_of)
        messages = world.ask(transfer(rtype, 1 if rtype == "IXFR" else None), client, key)
        assert [message.rcode() for message in messages] == [dns.rcode.REFUSED]
        assert world.exchange.counts.results == {(APEX, rtype.lower(), "refused"): 1}


@pytest.mark.parametrize(
    ("tls", "rcode"),
    [
        ("", dns.rcode.NOERROR),
        ("TLSv1.3/dot", dns.rcode.NOERROR),
        ("TLSv1.3", dns.rcode.REFUSED),  # the client did not ask for DNS
        ("TLSv1.2/dot", dns.rcode.REFUSED),
        ("TLSv1.2", dns.rcode.REFUSED),
    ],
)
def test_over_tls_a_transfer_wants_tls_1_3_and_dot_agreed_by_alpn(zone_of, tls: str, rcode: int) -> None:
    """RFC 9103 section 7.1."""
    for rtype in ("AXFR", "IXFR"):
        world = World(zone_of)
        messages = world.ask(transfer(rtype, 1 if rtype == "IXFR" else None), "192.0.2.2", OURS, tls=tls)
        assert {message.rcode() for message in messages} == {rcode}


def test_a_prefix_lets_anyone_in_to_the_plain_view(zone_of) -> None:
    world = World(zone_of)
    open_access = AccessList(prefixes=(ipaddress.ip_network("198.51.100.0/24"),), known=(NODE,))
    world.exchange._published = lambda _: Published(world.new, open_access)
    got = records(world.ask(transfer(), "198.51.100.7"))
    assert not any("_gslb" in line for line in got)
    assert is_soa(got[-1], 2)


def test_an_ixfr_is_the_differences(zone_of) -> None:
    got = records(World(zone_of).ask(transfer("IXFR", 1), "192.0.2.3", THEIRS))
    assert [is_soa(line, serial) for line, serial in zip(got, (2, 1, 2), strict=False)] == [True, True, True]
    assert got[3] == "new.x.example. A 192.0.2.9"
    assert is_soa(got[4], 2)
    assert len(got) == 5


@pytest.mark.parametrize("serial", [2, 3])
def test_an_ixfr_of_who_is_current_or_ahead_is_one_soa(zone_of, serial: int) -> None:
    got = records(World(zone_of).ask(transfer("IXFR", serial), "192.0.2.3", THEIRS))
    assert len(got) == 1
    assert is_soa(got[0], 2)


def test_an_ixfr_beyond_the_history_is_the_whole_zone(zone_of) -> None:
    got = records(World(zone_of).ask(transfer("IXFR", 0), "192.0.2.3", THEIRS))
    assert len(got) > 5
    assert "www.x.example. A 192.0.2.1" in got


def test_over_udp_an_ixfr_is_one_soa_and_an_axfr_is_not_implemented(zone_of) -> None:
    world = World(zone_of)
    assert len(records(world.ask(transfer("IXFR", 1), "192.0.2.3", THEIRS, udp=True))) == 1
    assert world.ask(transfer(), "192.0.2.3", THEIRS, udp=True)[0].rcode() == dns.rcode.NOTIMP


def test_an_ixfr_without_a_serial_is_a_form_error(zone_of) -> None:
    assert World(zone_of).ask(transfer("IXFR"), "192.0.2.3", THEIRS)[0].rcode() == dns.rcode.FORMERR


def test_a_zone_that_is_not_ours_is_not_auth(zone_of) -> None:
    query = dns.message.make_query("y.example.", "AXFR")
    assert World(zone_of).ask(query, "192.0.2.2", OURS)[0].rcode() == dns.rcode.NOTAUTH


def test_a_large_zone_comes_in_many_signed_messages(zone_of) -> None:
    messages = World(zone_of, filler=5000).ask(transfer(), "192.0.2.2", OURS)
    assert len(messages) > 4
    assert len(records(messages)) > 5000


def test_transfers_beyond_the_places_are_refused_until_one_ends(zone_of) -> None:
    world = World(zone_of, places=1)
    query = transfer()
    query.use_tsig(keyring(THEIRS))
    held = world.exchange.answer(query.to_wire(), "192.0.2.3", lambda *_: None, udp=False)
    assert isinstance(held, Stream)
    assert world.ask(transfer(), "192.0.2.3", THEIRS)[0].rcode() == dns.rcode.REFUSED
    held.close(False)
    assert len(records(world.ask(transfer(), "192.0.2.3", THEIRS))) > 3
    assert world.exchange.counts.results[APEX, "axfr", "failed"] == 1
    assert world.exchange.counts.results[APEX, "axfr", "ok"] == 1


def test_a_signed_query_is_answered_signed(zone_of) -> None:
    query = dns.message.make_query("www.x.example.", "A")
    assert World(zone_of).ask(query, "203.0.113.1", OURS)[0].flags & dns.flags.AA


def test_a_wrong_key_or_time_is_told_as_rfc_8945_wants(zone_of) -> None:
    world = World(zone_of)
    stranger = TsigKey(name_from_text("stranger."), "hmac-sha256", b"2" * 32)
    query = transfer()
    query.use_tsig(keyring(stranger))
    reply = world.exchange.answer(query.to_wire(), "192.0.2.2", lambda *_: None, udp=False)
    assert isinstance(reply, bytes)
    assert reply[3] & 15 == dns.rcode.NOTAUTH
    world.exchange._clock = lambda: time.time() + 600
    late = transfer()
    late.use_tsig(keyring(OURS))
    reply = world.exchange.answer(late.to_wire(), "192.0.2.2", lambda *_: None, udp=False)
    with pytest.raises(dns.tsig.PeerBadTime):
        dns.message.from_wire(reply, keyring=keyring(OURS), request_mac=late.mac)


@pytest.mark.parametrize("rtype", ["AXFR", "IXFR"])
def test_a_refusal_says_why_where_edns_is_spoken(zone_of, rtype: str) -> None:
    query = transfer(rtype, 1)
    query.use_edns(0)
    reply = World(zone_of).ask(query, "192.0.2.9")[0]
    assert [option.to_text() for option in reply.options] == ["EDE 18 (Prohibited): transfer not allowed"]
    elsewhere = dns.message.make_query("y.example.", rtype, use_edns=0)
    assert [option.to_text() for option in World(zone_of).ask(elsewhere, "192.0.2.2", OURS)[0].options] == [
        "EDE 20 (Not Authoritative)"
    ]
    assert not World(zone_of).ask(transfer(rtype, 1), "192.0.2.9")[0].options


def test_every_message_of_a_transfer_has_an_opt_where_the_query_has_one(zone_of) -> None:
    query = transfer()
    query.use_edns(0)
    messages = World(zone_of, filler=3000).ask(query, "192.0.2.2", OURS)
    assert len(messages) > 2
    assert {message.edns for message in messages} == {0}
    assert {message.edns for message in World(zone_of).ask(transfer(), "192.0.2.2", OURS)} == {-1}


def notify(name: str = "x.example.") -> dns.message.Message:
    query = dns.message.make_query(name, "SOA")
    query.set_opcode(dns.opcode.NOTIFY)
    query.flags |= dns.flags.AA
    soa = dns.rrset.from_text(name, 60, "IN", "SOA", f"ns.{name} ops.{name} 77 1 1 1 1")
    query.answer.append(soa)
    return query


def test_a_malformed_option_of_a_peer_is_formerr(zone_of) -> None:
    query = notify()
    query.use_edns(0, options=[dns.edns.GenericOption(10, b"short")])
    world = World(zone_of, primaries=(NODE,))
    reply = world.ask(query, "192.0.2.2", udp=True)[0]
    assert (reply.rcode(), reply.edns) == (dns.rcode.FORMERR, 0)
    assert not world.notified


@pytest.mark.parametrize("query", [transfer("IXFR", 1), notify()])
def test_the_options_of_another_version_are_not_read(zone_of, query) -> None:
    query.use_edns(1, options=[dns.edns.GenericOption(10, b"short")])
    world = World(zone_of, primaries=(NODE,))
    reply = world.ask(query, "192.0.2.2")[0]
    assert (reply.rcode(), reply.edns) == (dns.rcode.BADVERS, 0)
    assert not world.notified


# NOTIFY


def test_a_notify_from_a_primary_is_taken_with_its_serial(zone_of) -> None:
    world = World(zone_of, primaries=(NODE,))
    reply = world.ask(notify(), "192.0.2.2", OURS, udp=True)[0]
    assert (reply.rcode(), reply.opcode()) == (dns.rcode.NOERROR, dns.opcode.NOTIFY)
    assert world.notified == [(APEX, 77, "192.0.2.2")]


@pytest.mark.parametrize(
    ("client", "key", "primaries", "name", "rcode"),
    [
        ("192.0.2.2", None, (NODE,), "x.example.", dns.rcode.REFUSED),
        ("192.0.2.9", OURS, (NODE,), "x.example.", dns.rcode.REFUSED),
        ("192.0.2.2", OURS, (), "x.example.", dns.rcode.NOTAUTH),  # we are the primary
        ("192.0.2.2", OURS, (NODE,), "y.example.", dns.rcode.NOTAUTH),
    ],
)
def test_any_other_notify_changes_nothing(zone_of, client, key, primaries, name, rcode) -> None:
    world = World(zone_of, primaries=primaries)
    assert world.ask(notify(name), client, key, udp=True)[0].rcode() == rcode
    assert not world.notified


@pytest.mark.parametrize(
    ("rdclass", "rtype", "rcode"),
    [("IN", "A", dns.rcode.FORMERR), ("IN", "ANY", dns.rcode.FORMERR), ("CH", "SOA", dns.rcode.NOTAUTH)],
)
def test_a_notify_is_about_the_soa_of_class_in(zone_of, rdclass: str, rtype: str, rcode: int) -> None:
    query = dns.message.make_query("x.example.", rtype, rdclass)
    query.set_opcode(dns.opcode.NOTIFY)
    world = World(zone_of, primaries=(NODE,))
    assert world.ask(query, "192.0.2.2", OURS, udp=True)[0].rcode() == rcode
    assert not world.notified


def test_octets_that_are_no_message_are_a_form_error(zone_of) -> None:
    reply = World(zone_of).exchange.answer(
        b"\xab\xcd\x20\x00" + b"\x00\x01" * 4, "192.0.2.2", lambda *_: None, udp=True
    )
    assert isinstance(reply, bytes)
    assert reply[3] & 15 == dns.rcode.FORMERR


def test_a_flood_of_what_is_refused_writes_a_few_lines(zone_of) -> None:
    world = World(zone_of)
    stranger = TsigKey(name_from_text("stranger."), "hmac-sha256", bytes(32))
    signed = transfer()
    signed.use_tsig(keyring(stranger))
    notify = dns.message.make_query("x.example.", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    with capture_logs() as logged:
        for query in (signed.to_wire(), transfer().to_wire(), notify.to_wire()):
            for _ in range(100):
                world.exchange.answer(query, "192.0.2.99", lambda _: None, udp=False)
    events = Counter(line["event"] for line in logged)
    assert events == dict.fromkeys(("tsig_refused", "transfer_refused", "notify_refused"), TOLD_PER_MINUTE)


def test_a_refused_signature_is_put_into_words_for_no_line_but_those_written(
    zone_of, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[Name] = []
    monkeypatch.setattr(tsig, "name_to_text", lambda name: put.append(name) or "the key")
    stranger = TsigKey(name_from_text(".".join("k" * 100) + "."), "hmac-sha256", bytes(32))
    query = transfer()
    query.use_tsig(keyring(stranger))
    world = World(zone_of)
    with capture_logs() as logged:
        for _ in range(100):
            world.exchange.answer(query.to_wire(), "192.0.2.99", lambda _: None, udp=False)
    assert [line["reason"] for line in logged] == ["we have no key the key"] * TOLD_PER_MINUTE
    assert put == [stranger.name] * TOLD_PER_MINUTE


def test_transfers_write_a_few_lines_a_minute_each_failure_a_warning_and_none_is_left_uncounted(zone_of) -> None:
    world = World(zone_of)
    with capture_logs() as logged:
        for _ in range(50):
            world.ask(transfer(), "192.0.2.2", OURS)
            query = transfer()
            query.use_tsig(keyring(OURS))
            broken_off = world.exchange.answer(query.to_wire(), "192.0.2.2", lambda *_: None, udp=False)
            assert isinstance(broken_off, Stream)
            broken_off.close(False)
    lines = Counter((line["log_level"], line["event"]) for line in logged)
    assert lines == {("info", "transfer_sent"): TOLD_PER_MINUTE, ("warning", "transfer_broken_off"): TOLD_PER_MINUTE}
    assert world.exchange.counts.results[APEX, "axfr", "ok"] == 50
    assert world.exchange.counts.results[APEX, "axfr", "failed"] == 50

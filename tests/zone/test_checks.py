"""The data checks, one table of small zones; each line of text is `owner type rdata`."""

from types import MappingProxyType

import pytest

from gslb.wire.codes import RRType, type_from_text
from gslb.wire.names import canonical, name_from_text, name_to_text
from gslb.wire.rdata import rdata_from_text
from gslb.zone.builder import ZoneBuilder
from gslb.zone.checks import MAX_WEIGHT, check_zone, taken_as_zero
from gslb.zone.rrset import RRset
from gslb.zone.steered import Member, Pool, Rule, Steered
from gslb.zone.zone import Zone

APEX = name_from_text("z.example.")
SOUND = "@ SOA ns.example.net. ops 1 1 1 1 1\n@ NS ns.example.net.\n"
ONE, TWO = b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"


def name(text):
    return canonical(name_from_text(text, APEX))


def zone(text, *steered):
    builder = ZoneBuilder(APEX)
    for line in text.splitlines():
        owner, rtype, rdata = line.split(None, 2)
        number = type_from_text(rtype)
        builder.add(RRset(name(owner), number, 60, (rdata_from_text(number, rdata, APEX),)))
    for one in steered:
        builder.steer(one)
    return builder.build()


def said(found):
    return [(name_to_text(one.owner), one.rtype, one.message) for one in check_zone(found)]


def only(found):
    (one,) = check_zone(found)
    return one


def test_a_sound_zone_has_no_findings():
    text = SOUND + (
        "www A 192.0.2.1\nwww TXT x\nalias CNAME www\n@ MX 10 mail\nmail AAAA 2001:db8::1\n*.w A 192.0.2.1\n"
        "sub NS ns.sub\nns.sub A 192.0.2.1\nsub DS 1 8 2 " + "ab" * 32 + "\nd DNAME other.example.\nd A 192.0.2.1\n"
    )
    assert check_zone(zone(text)) == []


@pytest.mark.parametrize(
    ("text", "owner", "rtype", "message"),
    [
        ("a CNAME x.\na A 192.0.2.1", "a", "CNAME", "a CNAME stands alone"),
        ("a CNAME x.\na CNAME y.", "a", "CNAME", "a CNAME has one value"),
        ("@ CNAME x.", "@", "CNAME", "a CNAME stands alone"),
        ("d DNAME x.\nd DNAME y.", "d", "DNAME", "a DNAME has one value"),
        ("a SOA ns.x. ops 1 1 1 1 1", "a", "SOA", "a SOA record stands at the apex only"),
        ("@ SOA ns.x. ops 2 1 1 1 1", "@", "SOA", "more than one SOA record"),
        ("www.other. A 192.0.2.1", "www.other.", None, "www.other. is outside the zone z.example."),
        ("xz.example. A 192.0.2.1", "xz.example.", None, "xz.example. is outside the zone z.example."),
        ("_gslb TXT x", "_gslb", None, "reserved for the cluster"),
        ("a.b._GSLB TXT x", "a.b._gslb", None, "reserved for the cluster"),
    ],
)
def test_an_error_is_found_where_it_is(text, owner, rtype, message):
    found = only(zone(SOUND + text))
    assert (found.owner, found.rtype) == (name(owner), rtype and type_from_text(rtype))
    assert message in found.message
    assert found.is_error


@pytest.mark.parametrize(
    ("text", "owner", "rtype", "message"),
    [
        ("sub NS ns.example.net.\na.sub A 192.0.2.1", "a.sub", "A", "never answered: sub.z.example. is delegated"),
        ("sub NS ns.example.net.\nsub TXT x", "sub", "TXT", "never answered: sub.z.example. is delegated"),
        ("a DS 1 8 2 " + "ab" * 32, "a", "DS", "belongs beside the NS records of a delegation"),
        ("@ MX 10 m\nm CNAME x.", "@", "MX", "the MX target m.z.example. is a CNAME"),
        ("_s._tcp SRV 1 1 1 m\nm CNAME x.", "_s._tcp", "SRV", "the SRV target m.z.example. is a CNAME"),
        ("@ MX 10 m", "@", "MX", "the MX target m.z.example. does not exist in this zone"),
        ("a CNAME b", "a", "CNAME", "the CNAME target b.z.example. does not exist in this zone"),
        ("a CNAME a", "a", "CNAME", "the CNAMEs starting here lead back to themselves"),
        ("sub NS ns.sub", "sub", "NS", "missing glue: ns.sub.z.example. lies below this delegation"),
        ("d DNAME x.\na.d A 192.0.2.1", "a.d", "A", "never answered: the DNAME at d.z.example. takes the place of all"),
        ("d DNAME x.\nd NS ns.example.net.", "d", "DNAME", "a DNAME cannot stand at a zone cut"),
        ("sub NS ns", "sub", "NS", "the name server ns.z.example. has no address"),
        ("@ NS ns", "@", "NS", "the name server ns.z.example. has no address"),
        ("sub NS ns\nns CNAME x.", "sub", "NS", "the name server ns.z.example. is a CNAME"),
        ("sub NS ns.d\nd DNAME x.", "sub", "NS", "the name server ns.d.z.example. has no address"),
        ("@ NS ns\nns CNAME x.", "@", "NS", "the name server ns.z.example. is a CNAME"),
        ("* NS ns.example.net.", "*", "NS", "a wildcard NS has no defined meaning"),
        ("* DNAME x.", "*", "DNAME", "a wildcard DNAME has no defined meaning"),
    ],
)
def test_a_warning_is_found_where_it_is(text, owner, rtype, message):
    found = only(zone(SOUND + text))
    assert (found.owner, found.rtype) == (name(owner), type_from_text(rtype))
    assert message in found.message
    assert not found.is_error


@pytest.mark.parametrize(
    "text",
    [
        "sub NS ns.other.\nother NS ns.other\nns.other A 192.0.2.1",
        "sub NS ns.sub\nns.sub AAAA 2001:db8::1",
        "@ NS ns.w\n*.w A 192.0.2.1",
        "a CNAME b.w\n*.w A 192.0.2.1",
        "a CNAME b.d\nd DNAME x.",
        "a CNAME b.sub\nsub NS ns.example.net.",
        "@ MX 0 .",
        "_s._tcp SRV 0 0 0 .",
        "a CNAME x.other.",
        "a DS 1 8 2 " + "ab" * 32 + "\na NS ns.example.net.",
    ],
)
def test_what_is_right_is_left_alone(text):
    assert check_zone(zone(SOUND + text)) == []


def test_a_loop_of_several_cnames_is_told_at_each_of_them_and_not_before_it():
    found = said(zone(SOUND + "a CNAME b\nb CNAME a\nc CNAME a"))
    assert [(owner, "lead back" in message) for owner, _, message in found] == [
        ("a.z.example.", True),
        ("b.z.example.", True),
    ]


def test_a_zone_without_name_servers_is_served_with_a_warning():
    found = only(zone("@ SOA ns.example.net. ops 1 1 1 1 1"))
    assert (found.owner, found.rtype) == (APEX, RRType.NS)
    assert "no NS record at its apex z.example.; add its name servers there" in found.message
    assert not found.is_error


def test_below_a_dname_at_a_zone_cut_the_cut_decides():
    text = "d DNAME x.\nd NS ns.d\nns.d A 192.0.2.1\na.d TXT x"
    assert [(owner, message.split(":")[0]) for owner, _, message in said(zone(SOUND + text))] == [
        ("d.z.example.", "a DNAME cannot stand at a zone cut (RFC 6672 section 2.4), and is never answered"),
        ("a.d.z.example.", "never answered"),
    ]


def test_each_type_below_a_dname_at_the_apex_is_told():
    found = said(zone("@ SOA ns.x. ops 1 1 1 1 1\n@ NS ns.x.\n@ DNAME x.\na A 192.0.2.1\na TXT x"))
    assert sorted((owner, rtype) for owner, rtype, _ in found) == [("a.z.example.", 1), ("a.z.example.", 16)]


@pytest.mark.parametrize("ttl", [2**31, 2**32 - 1])
def test_a_ttl_with_its_first_bit_set_means_zero(ttl):
    said = taken_as_zero(ttl)
    assert said is not None
    assert f"the TTL {ttl} is above 2147483647 seconds, which means 0" in said


@pytest.mark.parametrize("ttl", [0, 2**31 - 1, 2**32])
def test_any_other_ttl_means_what_it_says(ttl):
    assert taken_as_zero(ttl) is None


def test_what_is_missing_is_marked_as_an_absence():
    found = check_zone(zone("a A 192.0.2.1\nsub NS ns.sub"))
    assert [(one.rtype, one.is_absence) for one in found] == [(RRType.SOA, True), (RRType.NS, True), (RRType.NS, True)]
    assert not only(zone(SOUND + "a CNAME x.\na A 192.0.2.1")).is_absence


@pytest.mark.parametrize("ttl", [-1, 2**31])
def test_a_ttl_out_of_range_is_an_error(ttl):
    found = zone(SOUND)
    types = dict(found.rrsets[APEX]) | {16: RRset(APEX, 16, ttl, (b"\x01x",))}
    assert f"the TTL {ttl} is not between 0 and" in only(Zone(APEX, MappingProxyType({APEX: types}), {})).message


def test_a_value_that_is_there_twice_is_an_error():
    builder = ZoneBuilder(APEX)
    for rrset in zone(SOUND).each_rrset():
        builder.add(rrset)
    builder.add(RRset(name("a"), RRType.A, 60, (ONE, ONE)))
    assert only(builder.build()).message == "a value is there twice; write each one once"


def test_records_that_fit_no_message_are_an_error():
    builder = ZoneBuilder(APEX)
    for rrset in zone(SOUND).each_rrset():
        builder.add(rrset)
    rdatas = tuple(bytes((255,)) + index.to_bytes(2, "big") + b"x" * 253 for index in range(260))
    builder.add(RRset(name("a"), RRType.TXT, 60, rdatas))
    assert "do not fit into a DNS message" in only(builder.build()).message


TO_P = (Rule("p"),)


def steered(*pools, owner="a", rtype=RRType.A, rules=TO_P, **more):
    rdata = ONE if rtype == RRType.A else name_from_text("x.")
    return Steered(RRset(name(owner), rtype, 60, (rdata,)), pools, rules, **more)


SOUND_POOL = Pool("p", (Member(ONE), Member(TWO)))


def test_a_sound_steered_record_has_no_findings():
    pools = (
        Pool("p", (Member(ONE),), fallback="q"),
        Pool("q", (Member(TWO),), fallback="r"),
        Pool("r", (Member(ONE),)),
    )
    assert check_zone(zone(SOUND, steered(*pools))) == []


@pytest.mark.parametrize(
    ("one", "pool", "message"),
    [
        (steered(SOUND_POOL, rules=()), "p", "no rule and no fallback uses this pool"),
        (steered(SOUND_POOL, Pool("q", (Member(ONE),))), "q", "no rule and no fallback uses this pool"),
        (steered(SOUND_POOL, Pool("q", (Member(ONE),), fallback="p")), "q", "no rule and no fallback uses this pool"),
        (steered(SOUND_POOL, rules=(Rule("p"), Rule("x"))), None, "a rule names the pool 'x', which is not defined"),
        (steered(Pool("p", (Member(ONE),), fallback="x")), "p", "the fallback 'x' is not defined; pools: p"),
        (steered(Pool("p", (Member(ONE),), fallback="p")), "p", "the fallbacks starting here lead back to this pool"),
        (steered(Pool("p", ())), "p", "the pool has no members"),
        (
            steered(Pool("p", (Member(ONE), Member(ONE)))),
            "p",
            "192.0.2.1 is in the pool twice; give it a higher weight instead",
        ),
        (steered(Pool("p", (Member(ONE, MAX_WEIGHT + 1),))), "p", "weights go from 0 to 1000"),
        (steered(Pool("p", (Member(ONE, -1),))), "p", "weights go from 0 to 1000"),
        (steered(Pool("p", (Member(ONE),), min_healthy=1.5)), "p", "`min_healthy` is a fraction from 0 to 1"),
        (steered(SOUND_POOL, answers=0), None, "`answers` must be at least 1"),
        (steered(SOUND_POOL, rtype=RRType.CNAME, answers=2), None, "a steered CNAME has `answers: 1`"),
        (steered(SOUND_POOL, rtype=RRType.NS), None, "NS cannot be steered; A, AAAA and CNAME can"),
    ],
)
def test_an_error_of_pools_names_the_pool(one, pool, message):
    found = [finding for finding in check_zone(zone(SOUND, one)) if message in finding.message]
    assert [(finding.owner, finding.rtype, finding.pool, finding.is_error) for finding in found] == [
        (*one.key, pool, True)
    ]


def test_fallbacks_in_a_circle_are_told_at_each_pool_of_it():
    pools = (Pool("p", (Member(ONE),), "q"), Pool("q", (Member(ONE),), "r"), Pool("r", (Member(ONE),), "q"))
    found = check_zone(zone(SOUND, steered(*pools)))
    assert [(one.pool, "lead back" in one.message) for one in found] == [("q", True), ("r", True)]


def test_a_pool_of_members_that_stand_by_is_a_warning():
    found = only(zone(SOUND, steered(Pool("p", (Member(ONE, 0),)))))
    assert "every member has weight 0" in found.message
    assert not found.is_error


@pytest.mark.parametrize(
    ("text", "owner", "why"),
    [
        ("sub NS ns.example.net.", "sub", "sub.z.example. is delegated to other servers"),
        ("sub NS ns.example.net.", "a.sub", "sub.z.example. is delegated to other servers"),
        ("d DNAME x.", "d", "d.z.example. is renamed by a DNAME"),
        ("d DNAME x.", "a.d", "d.z.example. is renamed by a DNAME"),
    ],
)
def test_steering_at_or_below_a_cut_or_dname_is_an_error(text, owner, why):
    found = [one.message for one in check_zone(zone(SOUND + text, steered(SOUND_POOL, owner=owner))) if one.is_error]
    assert f"cannot be steered here: {why}" in found


def test_every_finding_is_told_not_only_the_first():
    assert len(check_zone(zone(SOUND + "a CNAME x.\na A 192.0.2.1\nsub NS ns.sub\n@ MX 1 m"))) == 3

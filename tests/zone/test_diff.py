"""Change sets: what two views differ in, and the way from one to the other."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire.codes import RRType
from gslb.wire.names import name_from_text
from gslb.wire.records import Record
from gslb.zone.diff import ChangeSet, ChangeSetError, Editor, apply, diff, records, soa_record, view_of
from gslb.zone.private import PRIVATE_TYPE
from gslb.zone.rrset import RRset
from gslb.zone.steered import Member, Pool, Rule, Steered
from gslb.zone.view import View, steering_view, without_private, zone_from_view
from gslb.zone.zone import Soa, Zone

APEX = name_from_text("example.")
OWNERS = [APEX, *(name_from_text(f"{label}.example.") for label in ("a", "b", "*", "a.b", "a._gslb"))]
TYPES = (RRType.A, RRType.NS, RRType.TXT, 65280)


def soa(serial: int, mname: bytes = APEX) -> Record:
    return Record(APEX, RRType.SOA, 60, Soa(mname, APEX, serial, 1, 2, 3, 4).to_rdata())


def a(last: int, owner: bytes = OWNERS[1], ttl_seconds: int = 300) -> Record:
    return Record(owner, RRType.A, ttl_seconds, bytes((192, 0, 2, last)))


def same(view: View) -> dict:
    """A view as it compares: the order of records says nothing."""
    return {
        (owner, rtype): (rrset.ttl_seconds, sorted(rrset.rdatas))
        for owner, types in view.items()
        for rtype, rrset in types.items()
    }


keys = st.tuples(st.sampled_from(OWNERS), st.sampled_from(TYPES))
rrsets = st.tuples(
    st.integers(0, 3), st.lists(st.sampled_from([b"\x00", b"\x01x\x00", b"\x01y\x00"]), min_size=1, unique=True)
)


@st.composite
def views(draw: st.DrawFn) -> View:
    built: dict[bytes, dict[int, RRset]] = {APEX: {}}
    for (owner, rtype), (ttl_seconds, rdatas) in draw(st.dictionaries(keys, rrsets)).items():
        built.setdefault(owner, {})[rtype] = RRset(owner, rtype, ttl_seconds, tuple(rdatas))
    last = soa(draw(st.integers(0, 2**32 - 1)))
    built[APEX][RRType.SOA] = RRset(APEX, RRType.SOA, draw(st.integers(0, 3)), (last.rdata,))
    return built


@given(views(), views())
def test_applying_the_difference_gives_the_other_view(old: View, new: View) -> None:
    assert same(apply(old, diff(old, new))) == same(new)


@given(views(), views())
def test_a_difference_names_no_record_twice_and_none_in_vain(old: View, new: View) -> None:
    change_set = diff(old, new)
    removed, added = set(change_set.removed), set(change_set.added)
    assert (len(removed), len(added)) == (len(change_set.removed), len(change_set.added))
    before, after = ({record for record in records(view, APEX) if record.rtype != RRType.SOA} for view in (old, new))
    assert (removed, added) == (before - after | removed & before, after - before | added & after)
    unchanged = {(r.owner, r.rtype, r.ttl_seconds) for r in before & after}
    assert not {r for r in removed & after if (r.owner, r.rtype, r.ttl_seconds) in unchanged}


@given(views())
def test_records_and_the_view_of_them_are_inverse(view: View) -> None:
    listed = list(records(view, APEX))
    assert listed[0].rtype == RRType.SOA
    assert len(listed) == len(set(listed))
    assert view_of(listed) == view
    assert same(view_of([*listed[::-1], listed[0]])) == same(view)


@given(views(), views())
def test_the_plain_part_of_a_difference_is_the_difference_of_the_plain_parts(old: View, new: View) -> None:
    plain = diff(old, new).without_private()
    assert plain == diff(without_private(old), without_private(new))
    assert same(apply(without_private(old), plain)) == same(without_private(new))


@given(views(), views())
def test_applying_leaves_the_view_itself_as_it_was(old: View, new: View) -> None:
    before = same(old)
    apply(old, diff(old, new))
    assert same(old) == before


def test_equal_views_differ_in_nothing() -> None:
    view = view_of([soa(1), a(1)])
    assert diff(view, view_of([soa(1), a(1)])) == ChangeSet(soa(1), soa(1), (), ())


def test_a_change_set_goes_from_serial_to_serial() -> None:
    change_set = diff(view_of([soa(1), a(1), a(2)]), view_of([soa(2), a(2), a(3)]))
    assert (change_set.from_serial, change_set.to_serial) == (1, 2)
    assert (change_set.removed, change_set.added) == ((a(1),), (a(3),))


def test_a_change_of_ttl_removes_and_adds_every_record_of_the_rrset() -> None:
    old, new = [a(1), a(2)], [a(1, ttl_seconds=60), a(2, ttl_seconds=60)]
    change_set = diff(view_of([soa(1), *old]), view_of([soa(2), *new]))
    assert (change_set.removed, change_set.added) == (tuple(old), tuple(new))


def test_a_change_of_the_soa_alone_is_a_change_set() -> None:
    old, new = view_of([soa(1), a(1)]), view_of([soa(2, mname=OWNERS[1]), a(1)])
    change_set = diff(old, new)
    assert (change_set.removed, change_set.added) == ((), ())
    assert apply(old, change_set) == new


def test_the_last_record_of_an_owner_takes_the_owner_with_it() -> None:
    assert OWNERS[1] not in apply(view_of([soa(1), a(1)]), ChangeSet(soa(1), soa(2), (a(1),), ()))


class TestChangeSetsThatDoNotFit:
    VIEW = view_of([soa(1), a(1)])

    @pytest.mark.parametrize(
        ("change_set", "reason"),
        [
            (ChangeSet(soa(2), soa(3), (), ()), "it starts at serial 2, but the zone is at serial 1"),
            (ChangeSet(soa(1, OWNERS[1]), soa(3), (), ()), "it starts at serial 1, but"),
            (ChangeSet(soa(1), soa(2), (a(2),), ()), "it removes a.example. 300 A .* which is not there"),
            (ChangeSet(soa(1), soa(2), (a(1), a(1)), ()), "it removes a.example. 300 A .* which is not there"),
            (ChangeSet(soa(1), soa(2), (a(1, OWNERS[2]),), ()), "it removes b.example. 300 A .* which is not there"),
            (ChangeSet(soa(1), soa(2), (), (a(1),)), "it adds a.example. 300 A .* which is there already"),
            (ChangeSet(soa(1), soa(2), (), (a(2), a(2))), r"it adds a.example. 300 A \\# 4 c0000202, which is there"),
        ],
    )
    def test_are_refused_with_the_record_named(self, change_set: ChangeSet, reason: str) -> None:
        with pytest.raises(ChangeSetError, match=reason):
            apply(self.VIEW, change_set)

    def test_a_view_without_a_soa_has_no_difference(self) -> None:
        with pytest.raises(ValueError, match="no SOA"):
            diff(self.VIEW, view_of([a(1)]))


class TestForeignPrimaries:
    """What other servers' change sets may look like."""

    def ns(self, text: bytes) -> Record:
        return Record(APEX, RRType.NS, 300, b"\x02" + text + b"\x00")

    def test_a_record_is_removed_whatever_its_ttl(self) -> None:
        removed = ChangeSet(soa(1), soa(2), (a(1, ttl_seconds=5),), ())
        assert apply(view_of([soa(1), a(1)]), removed) == view_of([soa(2)])

    def test_a_compressible_name_is_removed_whatever_its_case(self) -> None:
        view = view_of([soa(1), self.ns(b"Aa"), self.ns(b"bb")])
        change_set = ChangeSet(soa(1), soa(2), (self.ns(b"aA"), self.ns(b"BB")), ())
        assert apply(view, change_set) == view_of([soa(2)])

    def test_but_only_once(self) -> None:
        view = view_of([soa(1), self.ns(b"Aa")])
        for first in (b"Aa", b"aa"):
            with pytest.raises(ChangeSetError, match="it removes"):
                apply(view, ChangeSet(soa(1), soa(2), (self.ns(first), self.ns(b"AA")), ()))

    def test_in_a_later_step_too(self) -> None:
        editor = Editor(view_of([soa(1), self.ns(b"Aa"), self.ns(b"bb")]))
        editor.change(ChangeSet(soa(1), soa(2), (self.ns(b"aa"),), (self.ns(b"Cc"),)))
        editor.change(ChangeSet(soa(2), soa(3), (self.ns(b"cC"), self.ns(b"bb")), (self.ns(b"dd"),)))
        assert editor.view() == view_of([soa(3), self.ns(b"dd")])
        with pytest.raises(ChangeSetError, match="it removes"):
            editor.change(ChangeSet(soa(3), soa(4), (self.ns(b"BB"),), ()))

    def test_text_is_removed_in_its_own_case_only(self) -> None:
        upper, lower = (Record(APEX, RRType.TXT, 300, rdata) for rdata in (b"\x01X", b"\x01x"))
        with pytest.raises(ChangeSetError, match="it removes"):
            apply(view_of([soa(1), upper]), ChangeSet(soa(1), soa(2), (lower,), ()))

    def test_the_case_of_the_soas_names_plays_no_part(self) -> None:
        view = view_of([soa(1, b"\x01X\x00")])
        assert apply(view, ChangeSet(soa(1, b"\x01x\x00"), soa(2), (), ())) == view_of([soa(2)])

    def test_ttls_that_differ_within_an_rrset_become_the_lowest(self) -> None:
        assert view_of([a(1), a(2, ttl_seconds=60), a(3)])[OWNERS[1]][RRType.A].ttl_seconds == 60
        view = view_of([soa(1), a(1)])
        for ttl_seconds in (60, 600):
            added = apply(view, ChangeSet(soa(1), soa(2), (), (a(2, ttl_seconds=ttl_seconds),)))
            assert added[OWNERS[1]][RRType.A].ttl_seconds == min(300, ttl_seconds)


def edited(zone: Zone, serial: int, draw: random.Random) -> Zone:
    """A few random edits, steering included, under the next serial."""
    rrsets, steered = dict(zone.rrsets), dict(zone.steered)
    for _ in range(draw.randint(1, 3)):
        owner = name_from_text(f"n{draw.randrange(40)}.example.")
        rdatas = tuple(bytes((192, 0, 2, last)) for last in draw.sample(range(9), draw.randint(0, 3)))
        rrset = RRset(owner, RRType.A, draw.choice((30, 60)), rdatas)
        rrsets.pop(owner, None)
        steered.pop((owner, RRType.A), None)
        if rdatas:
            rrsets[owner] = {RRType.A: rrset}
        if rdatas and draw.random() < 0.5:
            pool = Pool("p", tuple(Member(rdata, draw.randint(1, 9)) for rdata in rdatas))
            steered[owner, int(RRType.A)] = Steered(rrset, (pool,), (Rule("p"),))
    return Zone(APEX, rrsets, steered).with_serial(serial)


def test_a_thousand_edits_replay_to_the_zone_of_the_primary() -> None:
    draw = random.Random(1)
    zone = Zone(APEX, view_of([soa(1)]), {})
    followed = steering_view(zone)
    editor = Editor(followed)
    for serial in range(2, 1002):
        before, zone = zone, edited(zone, serial, draw)
        change_set = diff(steering_view(before), steering_view(zone))
        followed = apply(followed, change_set)
        editor.change(change_set)
        assert followed[APEX] == zone.rrsets[APEX]
    assert same(followed) == same(steering_view(zone)) == same(editor.view())
    here, warnings = zone_from_view(APEX, followed, lambda _: None)
    assert not warnings
    assert len(here.steered) > 5
    assert here.digest() == zone.digest()
    assert soa_record(followed) == soa(1001)


def test_the_private_records_of_a_zone_are_part_of_its_difference() -> None:
    rrset = RRset(OWNERS[1], RRType.A, 300, (a(1).rdata,))
    steered = Steered(rrset, (Pool("p", (Member(a(1).rdata),)),), (Rule("p"),))
    old = Zone(APEX, view_of([soa(1), a(1)]), {steered.key: steered})
    new = replace(old, steered={steered.key: replace(steered, policy="failover")}).with_serial(2)
    change_set = diff(steering_view(old), steering_view(new))
    assert {record.rtype for record in change_set.removed + change_set.added} == {PRIVATE_TYPE}
    assert change_set.without_private() == ChangeSet(soa(1), soa(2), (), ())


def test_signatures_have_the_ttl_of_what_they_cover_and_not_one_in_common() -> None:
    """RFC 4035 section 2.2; a secondary behind us gets each record as it came."""

    def signature(covered: int, ttl_seconds: int, key_tag: int) -> Record:
        rdata = covered.to_bytes(2, "big") + bytes(14) + key_tag.to_bytes(2, "big") + APEX + b"signature"
        return Record(APEX, RRType.RRSIG, ttl_seconds, rdata)

    before = [soa(1), signature(RRType.SOA, 3600, 1), signature(RRType.A, 60, 1), signature(RRType.A, 60, 2)]
    after = [soa(1), signature(RRType.SOA, 3600, 1), signature(RRType.A, 30, 3)]
    old, new = view_of(before), view_of(after)
    assert set(records(old, APEX)) == set(before)

    change = diff(old, new)
    assert set(change.removed) == set(before[2:])
    assert change.added == (after[2],)
    assert set(records(apply(old, change), APEX)) == set(after)

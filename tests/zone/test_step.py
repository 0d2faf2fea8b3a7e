"""A version made ready from the one before equals one made of the whole zone, and the one before stays as it was."""

import random
from collections.abc import Callable, Iterator

import pytest
from signed_zone import complete, with_nsec, with_nsec3, with_signatures

from gslb.answer.compile import ZoneTable
from gslb.answer.respond import respond
from gslb.answer.table import AnswerTable
from gslb.steering.conditions import Conditions
from gslb.wire.codes import RRType
from gslb.wire.names import Name, name_from_text
from gslb.wire.rdata import signatures_key
from gslb.zone import step as module
from gslb.zone.builder import ZoneBuilder
from gslb.zone.completeness import check_signing, is_complete_after
from gslb.zone.denial import Nsec3Chain
from gslb.zone.diff import apply, diff
from gslb.zone.indexing import Indexing
from gslb.zone.lookup import ZoneIndex
from gslb.zone.rrset import RRset
from gslb.zone.signing import Signing
from gslb.zone.step import MOST_CHANGED, Indexed, Step, step
from gslb.zone.zone import Soa, Zone

APEX = name_from_text("a.")
LABELS = (b"\x01a", b"\x01b", b"\x01c", b"\x01*", b"\x02_x")
TARGETS = (APEX, b"\x01b" + APEX, b"\x01a\x01b" + APEX, name_from_text("elsewhere."))
ROUNDS = 50
HEADER = bytes((0xAB, 0xCD, 0, 0, 0, 1, 0, 0, 0, 0))
DO = b"\x00\x00\x29\xff\xff\x00\x00\x80\x00\x00\x00"
NO_DRAWS = random.Random()  # nothing here is steered
SIGNERS: dict[str, Callable[[Zone], Zone]] = {
    "nsec": with_nsec,
    "nsec3": lambda zone: with_nsec3(zone, 0),
    "salted": lambda zone: with_nsec3(zone, 3, b"\xab\xcd"),
    "opt-out": lambda zone: with_nsec3(zone, 0, opt_out=True),
}


@pytest.fixture
def any_number_of_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small zones change as a whole here."""
    monkeypatch.setattr(module, "is_worth_while", lambda *_: True)


def random_zone(draw: random.Random, serial: int, before: Zone | None = None) -> Zone:
    """A zone with cuts, DNAMEs, wildcards and empty non-terminals; some owners as `before`, and some others."""
    builder = ZoneBuilder(APEX)
    builder.add(RRset(APEX, RRType.SOA, 60, (Soa(APEX, APEX, serial, 1, 1, 1, 60).to_rdata(),)))
    builder.add(RRset(APEX, RRType.NS, 60, (name_from_text("ns.elsewhere."),)))
    kept = 0.85 if before is not None else 0.0
    for owner, types in before.rrsets.items() if before is not None else ():
        for rrset in types.values():
            if owner != APEX and draw.random() < kept:
                builder.add(rrset)
    for _ in range(draw.randrange(1, 4) if before is not None else draw.randrange(25)):
        owner = b"".join(draw.choices(LABELS, k=draw.randrange(1, 5))) + APEX
        rtype = draw.choice((RRType.A, RRType.A, RRType.NS, RRType.NS, RRType.DNAME, RRType.DS, RRType.TXT))
        rdata = draw.choice(TARGETS) if rtype in {RRType.NS, RRType.DNAME} else draw.randbytes(4)
        builder.add(RRset(owner, rtype, 60, (b"\x03" + rdata[:3] if rtype == RRType.TXT else rdata,)))
    return builder.build()


def following(old: Zone, new: Zone) -> Zone:
    """`new` as change sets lead to it: with what did not change shared."""
    return Zone(APEX, apply(old.rrsets, diff(old.rrsets, new.rrsets)), {})


def pairs(seed: int, sign: Callable[[Zone], Zone]) -> Iterator[tuple[Zone, Zone]]:
    draw = random.Random(seed)
    for _ in range(ROUNDS):
        plain = random_zone(draw, 1)
        old = sign(plain)
        for serial in range(2, 5):
            plain = random_zone(draw, serial, plain)
            new = following(old, sign(plain))
            yield old, new
            old = new


def signed_by(sign: Callable[[Zone], Zone]) -> Callable[[Zone], Zone]:
    return lambda zone: complete(sign(zone))


def shown(index: ZoneIndex) -> dict[Name, tuple]:
    """All that an index says, and that its nodes refer to one another and to none of another index."""
    for node in index.nodes.values():
        assert node.wildcard is None or index.nodes[node.wildcard.name] is node.wildcard
    return {
        name: (
            dict(node.rrsets),
            node.above,
            node.is_cut,
            node.children,
            node.wildcard.name if node.wildcard is not None else None,
            node.has_no_stand_in,
            node.renaming,
            node.veil_below,
        )
        for name, node in index.nodes.items()
    }


def chain(signing: Signing | None) -> tuple | None:
    if signing is None:
        return None
    return [*signing.denial], signing.denial.kind, signing.expires, dict(signing.expiries)


def answers(table: ZoneTable, draw: random.Random) -> list[bytes]:
    """Whole replies, without DNSSEC and with."""
    served, found = AnswerTable().with_zone(table, Conditions()), []
    for _ in range(15):
        qname = b"".join(draw.choices(LABELS, k=draw.randrange(5))) + APEX
        qtype = draw.choice((RRType.A, RRType.NS, RRType.DS, RRType.TXT, RRType.DNAME, RRType.RRSIG, RRType.ANY))
        question = qname + qtype.to_bytes(2, "big") + b"\x00\x01"
        found.append(respond(HEADER + b"\x00\x00" + question, served, NO_DRAWS, udp=False).wire)
        found.append(respond(HEADER + b"\x00\x01" + question + DO, served, NO_DRAWS, udp=False).wire)
    return found


def assert_equal(made: Indexed, zone: Zone, draw: random.Random) -> None:
    whole = Indexed.of(zone)
    assert made.index.zone is zone
    assert shown(made.index) == shown(whole.index)
    assert chain(made.signing) == chain(whole.signing)
    state = draw.getstate()
    asked = answers(ZoneTable(zone, made), draw)
    draw.setstate(state)
    assert asked == answers(ZoneTable(zone), draw)


@pytest.mark.usefixtures("any_number_of_changes")
@pytest.mark.parametrize("seed", range(3))
def test_a_step_gives_what_the_whole_gives(seed: int) -> None:
    draw, before = random.Random(seed), None
    for old, new in pairs(seed, lambda zone: zone):
        if before is None or before.index.zone is not old:
            before = Indexed.of(old)
        said = shown(before.index)
        made = step(before, new)
        assert_equal(made.after, new, draw)
        assert shown(before.index) == said, "the version before is answered from meanwhile"
        before = made.after


@pytest.mark.usefixtures("any_number_of_changes")
@pytest.mark.parametrize("kind", SIGNERS)
def test_also_of_a_signed_zone(kind: str) -> None:
    draw, before = random.Random(kind), None
    complete_by_changes = total = 0
    for old, new in pairs(len(kind), signed_by(SIGNERS[kind])):
        if before is None or before.index.zone is not old:
            before = Indexed.of(old)
        said, links = shown(before.index), chain(before.signing)
        made = step(before, new)
        assert_equal(made.after, new, draw)
        assert (shown(before.index), chain(before.signing)) == (said, links)
        complete_by_changes += is_complete_after(made)
        total += 1
        before = made.after
    # With names opted out the changes alone do not always tell.
    assert complete_by_changes == total or (kind == "opt-out" and complete_by_changes > total // 4)


def spoiled(zone: Zone, draw: random.Random) -> Zone:
    """A signed zone with something taken out, changed or left behind, as a signer gone wrong might."""
    rrsets = {owner: dict(types) for owner, types in zone.rrsets.items()}
    for _ in range(draw.randrange(1, 3)):
        owner = draw.choice([owner for owner in rrsets if rrsets[owner]])
        key = draw.choice([key for key in rrsets[owner] if key != RRType.SOA] or [RRType.SOA])
        rrset = rrsets[owner][key]
        match draw.randrange(5):
            case 0 if key != RRType.SOA:
                del rrsets[owner][key]
            case 1 if key in {RRType.NSEC, RRType.NSEC3}:
                rdata = bytearray(rrset.rdatas[0])
                rdata[draw.randrange(len(rdata) - 1, len(rdata))] ^= 1 << draw.randrange(8)
                rrsets[owner][key] = RRset(owner, key, rrset.ttl_seconds, (bytes(rdata),))
            case 2 if key == RRType.NSEC3:
                rdata = bytearray(rrset.rdatas[0])
                rdata[1] ^= 1  # opt-out
                rrsets[owner][key] = RRset(owner, key, rrset.ttl_seconds, (bytes(rdata),))
            case 3 if owner != APEX:
                del rrsets[owner]
            case _:
                rtype = draw.choice((RRType.A, RRType.NS, RRType.DNAME, RRType.DS))
                rrsets[owner].setdefault(rtype, RRset(owner, rtype, 60, (TARGETS[1],)))
    return Zone(APEX, {owner: types for owner, types in rrsets.items() if types}, {})


@pytest.mark.usefixtures("any_number_of_changes")
@pytest.mark.parametrize("kind", SIGNERS)
def test_what_changes_alone_call_complete_lacks_nothing(kind: str) -> None:
    draw = random.Random(kind)
    verdicts: dict[bool, int] = {True: 0, False: 0}
    for old, new in pairs(7 + len(kind), signed_by(SIGNERS[kind])):
        before = Indexed.of(old)
        for _ in range(4):
            wrong = following(old, spoiled(new if draw.random() < 0.5 else old, draw))
            try:
                made = step(before, wrong)
            except ValueError:  # the check of the whole tells what is missing
                assert check_signing(wrong)
                continue
            findings = check_signing(wrong)
            if made is not None and is_complete_after(made):
                assert findings == []
            verdicts[not findings] += 1
    assert verdicts[False] > 30, "there is something to be found"


def version(serial: int, owners: int, addresses: dict[int, bytes] | None = None) -> Zone:
    builder = ZoneBuilder(APEX)
    builder.add(RRset(APEX, RRType.SOA, 60, (Soa(APEX, APEX, serial, 1, 1, 1, 60).to_rdata(),)))
    builder.add(RRset(APEX, RRType.NS, 60, (name_from_text("ns.elsewhere."),)))
    for number in range(owners):
        rdata = (addresses or {}).get(number, b"\x01\x02\x03\x04")
        builder.add(RRset(b"\x05%05d" % number + APEX, RRType.A, 60, (rdata,)))
    return builder.build()


def test_of_too_many_changes_no_step_is_made() -> None:
    few, many = 9_000 // 10 - 2, 9_000 // 10 + 2  # the SOA's owner changes too
    old = version(1, 9_000)
    for count, is_made in ((few, True), (many, False)):
        new = following(old, version(2, 9_000, dict.fromkeys(range(count), b"\x09" * 4)))
        assert (step(Indexed.of(old), new) is not None) is is_made
    large = version(1, 20 * MOST_CHANGED)
    new = following(large, version(2, 20 * MOST_CHANGED, dict.fromkeys(range(MOST_CHANGED), b"\x09" * 4)))
    assert step(Indexed.of(large), new) is None


@pytest.mark.usefixtures("any_number_of_changes")
class TestIndexing:
    def test_a_version_that_follows_is_made_by_a_step_and_only_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        old = complete(with_nsec3(version(1, 30), 0))
        new = following(old, complete(with_nsec3(version(2, 30, {3: b"\x09" * 4}), 0)))
        indexing = Indexing()
        indexing.of(old)
        for whole in (
            "gslb.zone.indexing.check_signing",
            "gslb.zone.signing.chain_of",
            "gslb.zone.lookup.ZoneIndex._link_all",
        ):
            monkeypatch.setattr(whole, lambda *_: pytest.fail("the whole zone was looked at"))
        assert indexing.check_signing(new) == []
        table = ZoneTable(new, indexing.of(new))
        assert table.answer(b"\x0500003" + APEX, RRType.A).segments[0].signable.rdatas == (b"\x09" * 4,)

    def test_one_that_lacks_something_is_told_so_and_not_kept(self) -> None:
        old = complete(with_nsec(version(1, 30)))
        new = complete(with_nsec(version(2, 30, {3: b"\x09" * 4})))
        rrsets = {owner: dict(types) for owner, types in new.rrsets.items()}
        del rrsets[b"\x0500003" + APEX][signatures_key(RRType.A)]
        wrong = following(old, Zone(APEX, rrsets, {}))
        indexing = Indexing()
        indexing.of(old)
        assert indexing.check_signing(wrong) == check_signing(wrong) != []
        assert indexing.check_signing(following(old, new)) == []

    def test_the_first_version_is_looked_at_as_a_whole(self) -> None:
        lacking = with_signatures(version(1, 3))
        assert Indexing().check_signing(lacking) == check_signing(lacking) != []

    def test_a_signer_may_go_from_one_chain_to_the_other_and_to_none(self) -> None:
        draw = random.Random(1)
        indexing, old = Indexing(), version(1, 20)
        indexing.of(old)
        for serial, sign in enumerate((with_nsec, *SIGNERS.values(), SIGNERS["nsec"], None, SIGNERS["opt-out"]), 2):
            plain = version(serial, 20)
            new = following(old, complete(sign(plain)) if sign is not None else plain)
            assert indexing.check_signing(new) == []
            assert_equal(indexing.of(new), new, draw)
            old = new

    def test_the_time_of_the_first_signature_to_expire_follows(self) -> None:
        def until(zone: Zone, number: int, year: int) -> Zone:
            rrsets = {owner: dict(types) for owner, types in zone.rrsets.items()}
            types, key = rrsets[b"\x0500003" + APEX], signatures_key(RRType.A)
            other = with_signatures(version(1, number + 1), f"{year}0101000000")
            types[key] = other.rrsets[b"\x0500003" + APEX][key]
            return Zone(APEX, rrsets, {})

        indexing, zone = Indexing(), complete(with_nsec(version(1, 30)))
        at_first = indexing.of(zone).signing.expires
        zone = following(zone, until(zone, 3, 2030))
        sooner = indexing.of(zone).signing.expires
        zone = following(zone, until(zone, 3, 2050))
        assert sooner < at_first
        assert indexing.of(zone).signing.expires == at_first


def test_a_chain_knows_whether_names_may_be_left_out_of_it() -> None:
    zone = complete(with_nsec3(version(1, 3), 0, opt_out=True))
    denial = Indexed.of(zone).signing.denial
    assert isinstance(denial, Nsec3Chain)
    assert denial.opts_out
    links = {rrset.owner: rrset for _, rrset in denial}
    without = [
        RRset(each.owner, each.rtype, 60, (each.rdatas[0][:1] + b"\0" + each.rdatas[0][2:],)) for each in links.values()
    ]
    for number, rrset in enumerate(without, 1):
        denial = denial.edited({rrset.owner: rrset})
        assert denial.opts_out is (number < len(without))


@pytest.mark.usefixtures("any_number_of_changes")
def test_steps_refer_to_both_versions() -> None:
    old = version(1, 30)
    new = following(old, version(2, 30, {3: b"\x09" * 4}))
    before = Indexed.of(old)
    made = step(before, new)
    assert isinstance(made, Step)
    assert made.before is before
    assert made.owners == made.nodes == {APEX, b"\x0500003" + APEX}

"""What a signed zone lacks is told by owner and type, and one that lacks nothing passes."""

# ruff: noqa: E501  one case a line

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from signed_zone import UNTIL, with_signatures

from gslb.wire.codes import type_to_text
from gslb.wire.names import name_to_text
from gslb.zone.builder import ZoneBuilder
from gslb.zone.completeness import check_signing
from gslb.zone.denial import MAX_ITERATIONS
from gslb.zone.lookup import ZoneIndex
from gslb.zone.rrset import RRset
from gslb.zone.signing import first_expiry, is_signed, signing_of
from gslb.zone.zone import Zone

ZoneOf = Callable[..., Zone]
SCENARIOS = Path(__file__).parent.parent / "scenarios"
NSEC, NSEC3 = (
    yaml.load((SCENARIOS / f"{rfc}.yaml").read_text(), yaml.BaseLoader)["signed"][0] for rfc in ("rfc4035", "rfc5155")
)


def told(zone: Zone) -> list[str]:
    return [
        f"{name_to_text(each.owner)} {type_to_text(each.rtype)}: {each.message}"
        for each in check_signing(zone)
        if each.rtype is not None
    ]


def only(zone: Zone, keep: Callable[[RRset], bool]) -> Zone:
    builder = ZoneBuilder(zone.apex)
    for rrset in zone.each_rrset():
        if keep(rrset):
            builder.add(rrset)
    return builder.build()


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize("text", [NSEC, NSEC3])
def test_the_zones_of_the_rfcs_lack_nothing(zone_of: ZoneOf, text: str) -> None:
    assert told(with_signatures(zone_of(text))) == []


@pytest.mark.parametrize("text", [NSEC, NSEC3])
def test_every_authoritative_rrset_needs_its_signature(zone_of: ZoneOf, text: str) -> None:
    whole = with_signatures(zone_of(text))
    signatures = [rrset for rrset in whole.each_rrset() if rrset.key != rrset.rtype]
    for missing in signatures:
        covered = type_to_text(int.from_bytes(missing.rdatas[0][:2], "big"))
        findings = told(only(whole, lambda rrset, missing=missing: rrset is not missing))
        assert findings == [
            f"{name_to_text(missing.owner)} {covered}: no RRSIG covers the {covered} records; sign the zone"
        ]


@pytest.mark.parametrize("text", [NSEC, NSEC3])
def test_every_link_of_the_chain_is_needed(zone_of: ZoneOf, text: str) -> None:
    kind = "NSEC" if text is NSEC else "NSEC3"
    whole = with_signatures(zone_of(text))
    for link in [rrset for rrset in whole.each_rrset() if type_to_text(rrset.rtype) == kind]:
        gone = only(
            whole,
            lambda rrset, link=link: (
                rrset.owner != link.owner or rrset.key not in {link.rtype, (46 << 16) | link.rtype}
            ),
        )
        assert any(f"{kind}" in line for line in told(gone)), name_to_text(link.owner)


def test_a_signature_by_someone_else_is_none(zone_of: ZoneOf) -> None:
    whole = with_signatures(zone_of(NSEC))
    builder = ZoneBuilder(whole.apex)
    for rrset in whole.each_rrset():
        other = rrset.key == (46 << 16) | 15
        builder.add(
            replace(rrset, rdatas=(rrset.rdatas[0].replace(b"\x07example", b"\x07another"),)) if other else rrset
        )
    assert (
        told(builder.build())[0] == "example. MX: no RRSIG over the MX records is by the zone's own keys; sign the zone"
    )


@pytest.mark.parametrize(
    ("text", "old", "new", "said"),
    [
        (NSEC, "NSEC b.example. A HINFO", "NSEC ns1.example. A HINFO", ["ai.example. NSEC: the NSEC leads to ns1.example., and the name that follows is b.example.; sign the zone anew"]),
        (NSEC, "ns1.example. 3600 NSEC ns2.example. A RRSIG", "ns1.example. 3600 NSEC ns2.example. RRSIG", ["ns1.example. NSEC: the NSEC says that ns1.example. has no A, and it has; sign the zone anew"]),
        (NSEC, "ns1.example. 3600 NSEC ns2.example. A", "ns1.example. 3600 NSEC ns2.example. A MX", ["ns1.example. NSEC: the NSEC says that ns1.example. has MX, and it has not; sign the zone anew"]),
        (NSEC, "b.example. 3600 NSEC ns1.example. NS RRSIG", "b.example. 3600 NSEC ns1.example. NS DS RRSIG", ["b.example. NSEC: the NSEC says that b.example. has DS, and it has not; sign the zone anew"]),
        (NSEC3, "k8udemvp1j2f7eg6jebps17vp3n8i58h\n", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi\n", ["ji6neoaepv8b5o6k4ev33abha8ht9fgc.example. NSEC3: the NSEC3 does not lead to the one that follows, k8udemvp1j2f7eg6jebps17vp3n8i58h.example.; sign the zone anew"]),
        (NSEC3, "ns1.c.example. 3600 A", "c.example. 3600 DS 1 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C\n    ns1.c.example. 3600 A", ["c.example. NSEC3: the name has no NSEC3 record, nor is it opted out; sign the zone"]),
        (NSEC3, "35mthgpgcu1qg68fab165klnsnk3dpvl.example. 3600 NSEC3 1 1", "35mthgpgcu1qg68fab165klnsnk3dpvl.example. 3600 NSEC3 1 0", ["c.example. NSEC3: the name has no NSEC3 record, nor is it opted out; sign the zone"]),
        (NSEC3, "NSEC3PARAM 1 0 12 aabbccdd", "NSEC3PARAM 1 0 11 aabbccdd", ["example. NSEC3: there is an NSEC3PARAM but no NSEC3 record with its values; sign the zone"]),
        (NSEC3, " 12 aabbccdd", f" {MAX_ITERATIONS + 1} aabbccdd", ["example. NSEC3PARAM: names are hashed with 51 iterations, and 50 are the most that is served; sign the zone with 0 of them (RFC 9276 section 3.1)"]),
    ],
)  # fmt: skip
def test_a_chain_that_does_not_hold_is_told_where(
    zone_of: ZoneOf, text: str, old: str, new: str, said: Iterable[str]
) -> None:
    assert told(with_signatures(zone_of(changed(text, old, new)))) == said


def test_a_zone_signed_in_part_is_not_taken(zone_of: ZoneOf) -> None:
    findings = told(
        with_signatures(
            zone_of("\n".join(line for line in NSEC.splitlines() if "DNSKEY" not in line or "NSEC" in line))
        )
    )
    assert findings[0].startswith("example. DNSKEY: the zone has signatures or a chain of denial, but no DNSKEY")
    unsigned = "\n".join(line for line in NSEC.splitlines() if "NSEC" not in line)
    assert any(
        "has no NSEC record, and the zone no NSEC3PARAM" in line for line in told(with_signatures(zone_of(unsigned)))
    )


def test_of_many_findings_the_first_are_told_and_the_rest_counted(zone_of: ZoneOf) -> None:
    findings = told(zone_of(NSEC))
    assert len(findings) == 10
    assert findings[-1].endswith("more like this)")


def test_what_is_left_of_signing_in_an_unsigned_zone_is_told(zone_of: ZoneOf) -> None:
    unsigned = zone_of("a. 60 SOA ns.b. ops.b. 1 1 1 1 1\na. 60 NS ns.b.\nx.a. 60 NSEC a. A")
    assert not is_signed(unsigned)
    assert told(unsigned) == [
        "x.a. NSEC: NSEC is of signed zones; the zone is not signed: leave this out, or sign it again"
    ]
    assert not any(finding.is_error for finding in check_signing(unsigned)), "other servers serve it as it stands"


def test_a_zone_holds_until_its_first_rrset_has_no_signature_left(zone_of: ZoneOf) -> None:
    whole = with_signatures(zone_of(NSEC))
    later = with_signatures(zone_of(NSEC), until="20410101000000")
    both = ZoneBuilder(whole.apex)
    for rrset in (*whole.each_rrset(), *later.each_rrset()):
        both.add(rrset)
    expiries = [signing_of(ZoneIndex(zone)).expires for zone in (whole, later, both.build())]
    assert UNTIL == "20400101000000"
    assert expiries == [2208988800, 2240611200, 2240611200]


def test_the_end_of_a_signature_is_a_serial_number() -> None:
    """RFC 4034 section 3.1.5."""
    assert first_expiry([5, 2**32 - 5, 10]) == 2**32 - 5
    assert first_expiry([]) is None

"""Rdata of the DNSSEC types, and the hash of NSEC3, held against dnspython."""

import dns.dnssec
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire.codes import RRType
from gslb.wire.dnssec import (
    Nsec,
    Nsec3,
    Nsec3Parameters,
    expiration,
    hash_of_owner,
    hashed_owner,
    signer,
    type_bitmap,
    types_of_bitmap,
)
from gslb.wire.names import canonical_key, name_from_text, name_to_text, sort_key

APEX = name_from_text("example.")


def rdata(rtype: str, text: str) -> bytes:
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rtype), text).to_wire()


# RFC 5155 appendix A.
@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
        ("a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
        ("*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
        ("x.y.w.example.", "2vptu5timamqttgl4luu9kg21e0aor3s"),
    ],
)
def test_names_hash_as_rfc_5155_has_it(name: str, label: str) -> None:
    digest = Nsec3Parameters(1, 12, bytes.fromhex("aabbccdd")).hash(name_from_text(name))
    owner = hashed_owner(digest, APEX)
    assert name_to_text(owner) == f"{label}.example."
    assert hash_of_owner(owner) == digest


@given(st.binary(max_size=8), st.integers(0, 3))
def test_any_salt_and_iterations_hash_as_dnspython_has_it(salt: bytes, iterations: int) -> None:
    digest = Nsec3Parameters(1, iterations, salt).hash(APEX)
    theirs = dns.dnssec.nsec3_hash("example.", salt.hex() or None, iterations, 1)
    assert name_to_text(hashed_owner(digest, APEX)) == f"{theirs.lower()}.example."


@pytest.mark.parametrize("owner", ["www.example.", f"{'w' * 32}.example.", "example.", f"{'0' * 31}.example."])
def test_other_labels_are_no_hashes(owner: str) -> None:
    assert hash_of_owner(name_from_text(owner)) is None


def test_a_signature_tells_its_signer_and_its_end() -> None:
    found = rdata("RRSIG", "MX 5 2 3600 20400509183619 20040409183619 38519 Example. AAAA")
    assert signer(found) == APEX
    assert expiration(found) == 2220201379


def test_a_link_tells_what_follows_and_the_types_there() -> None:
    nsec = Nsec.from_rdata(rdata("NSEC", "A.example. NS SOA MX RRSIG NSEC DNSKEY"))
    assert nsec.next == name_from_text("a.example.")
    assert list(types_of_bitmap(nsec.bitmap)) == [2, 6, 15, 46, 47, 48]
    nsec3 = Nsec3.from_rdata(rdata("NSEC3", "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A"))
    assert (nsec3.parameters, nsec3.opt_out) == (Nsec3Parameters(1, 12, bytes.fromhex("aabbccdd")), True)
    assert name_to_text(hashed_owner(nsec3.next, APEX)) == "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example."
    assert list(types_of_bitmap(nsec3.bitmap)) == [RRType.A]


@given(st.frozensets(st.integers(1, 65535), max_size=12))
def test_bitmaps_are_those_of_dnspython(types: frozenset[int]) -> None:
    text = " ".join(dns.rdatatype.to_text(rtype) for rtype in types)
    nsec = Nsec.from_rdata(rdata("NSEC", f"example. {text}"))
    assert type_bitmap(types) == nsec.bitmap
    assert list(types_of_bitmap(nsec.bitmap)) == sorted(types)


LABELS = st.lists(st.binary(min_size=1, max_size=3).map(bytes.lower), max_size=4)


@given(LABELS, LABELS)
def test_the_key_in_one_piece_sorts_as_labels_from_the_right(one: list[bytes], other: list[bytes]) -> None:
    """RFC 4034 section 6.1."""
    names = [b"".join(bytes((len(label),)) + label for label in labels) + b"\x00" for labels in (one, other)]
    ours, theirs = map(canonical_key, names), map(sort_key, names)
    first, second = ours
    left, right = theirs
    assert (first < second, first == second) == (left < right, left == right)

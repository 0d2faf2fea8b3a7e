"""compile: where DNS semantics live, once. A zone becomes a `ZoneTable`; asked for a name and type, it gives an
`Answer`, a value of rendered segments.

Answers are compiled when first asked for and kept: the result is the same as compiling all of them at load, the
start is quick and the memory is that of what is asked. What is steered is not in the ZoneTable but in `draws`, by
owner and type: a health change replaces the draws it touches and nothing else.
"""

from dataclasses import replace
from typing import NamedTuple

from gslb.answer.bundle import Bundle, bundle, bundled
from gslb.answer.compressed import Compression
from gslb.answer.finished import Facts, Finished, render_heads
from gslb.answer.segments import ADDITIONAL, ANSWER, AUTHORITY, Answer, Link, Segment
from gslb.answer.signed import SignedAnswers
from gslb.answer.template import render_alias, render_rrset
from gslb.wire.codes import AA, Rcode, RRType, is_meta_type
from gslb.wire.names import MAX_NAME_OCTETS, ROOT, WILDCARD_LABEL, Name, is_at_or_below, is_below, name_to_text, parent
from gslb.wire.rdata import alias_target, is_service_alias, target
from gslb.zone.lookup import Alias, Found, NoData, Node, NxDomain, Outcome, Redirection, Referral
from gslb.zone.rrset import RRset
from gslb.zone.step import Indexed
from gslb.zone.zone import Zone

_TYPES_KEPT = 1024
"""Negative answers are kept per zone and type; above stand private and unassigned types, and floods of them."""
_ADDRESS_TYPES = (RRType.A, RRType.AAAA)
_SERVICES = (RRType.SVCB, RRType.HTTPS)


class Renaming(NamedTuple):
    """A DNAME: its segments, where it leads, whether that is within the zone, and whether it leads into itself. Where
    it leads above itself, `taken` are the labels that it takes away."""

    rrset: RRset
    segments: tuple[Segment, ...]
    target: Name
    stays: bool
    endless: bool
    taken: bytes


class Upwards(NamedTuple):
    """The DNAMEs that lead from below a name to it, by the labels that they take away, of so many octets at most."""

    taken: dict[bytes, Renaming]
    octets: int


class ZoneTable:
    """A zone ready to answer. Immutable but for what it keeps of earlier answers, which never changes a result. The
    zone may come `indexed`."""

    def __init__(self, zone: Zone, indexed: Indexed | None = None) -> None:
        indexed = Indexed.of(zone) if indexed is None else indexed
        self.zone = zone
        self.apex = zone.apex
        self.text = name_to_text(zone.apex)
        self.serial = zone.serial
        self._index, self.signing = indexed.index, indexed.signing
        self._signed = SignedAnswers(zone, self.signing.denial) if self.signing is not None else None
        self._segments: dict[tuple[Name, int], tuple[Segment, ...]] = {}
        self._aliases: dict[tuple[Name, bool], Answer] = {}
        self._renamings: dict[tuple[Name, bool], Renaming] = {}
        self._upwards: dict[tuple[Name, bool], Upwards] = {}
        self._referrals: dict[tuple[Name, bool], tuple[Segment, ...]] = {}
        self._wildcard_referrals: dict[tuple[Name, bool], tuple[Segment, ...]] = {}
        soa = zone.rrsets[zone.apex][RRType.SOA]
        # RFC 2308 section 3: a negative answer's TTL is the lesser of the SOA's own and its last field.
        self._negative_ttl = min(soa.ttl_seconds, zone.soa.minimum)
        self.nxdomain = Answer(Rcode.NXDOMAIN, authoritative=True, segments=(self.negative(),))
        self._nxdomain_heads = render_heads(AA, Rcode.NXDOMAIN, (0, 1, 0))
        self._nxdomain_finished: dict[int, Finished] = {}
        self.nxdomain_tail = self.nxdomain.segments[0].template
        self._facts: dict[tuple[int, int], Facts] = {}
        self._bundles: dict[tuple[Segment, ...], tuple[Segment | Bundle, ...]] = {}
        self._signed_nxdomains: dict[tuple[int, int], Finished] = {}
        signed = tuple(self._signed.beside(self.nxdomain.segments)) if self._signed is not None else ()
        self._signed_negative = signed
        self.signed_denial = bundle(signed) if signed else None
        """What goes with DO before the proof that a name is not there."""
        self._signed_negative_records = sum(segment.count for segment in signed)
        self._signed_negatives: dict[bytes, bytes] = {}
        self._nodata = Answer(Rcode.NOERROR, authoritative=True, segments=(self.negative(),))
        self._nodata_exact = Answer(Rcode.NOERROR, authoritative=True, segments=(self.negative(),), exact=True)

    def finished_nxdomain(self, qname: Name, qtype: int) -> Finished | None:
        """The answer to a name that is not there, but for its tail: that is `nxdomain_tail`, where the apex stands at
        an offset of the question's. None for a name that is, or may be, there, and for a type too rare to keep."""
        if not self._index.is_missing(qname):
            return None
        finished = self._nxdomain_finished.get(qtype)
        if finished is None and qtype < _TYPES_KEPT and not is_meta_type(qtype):
            facts = self.facts(qtype, Rcode.NXDOMAIN)
            finished = self._nxdomain_finished[qtype] = Finished(self._nxdomain_heads, b"", facts)
        return finished

    def signed_nxdomain(self, qname: Name, qtype: int) -> tuple[Finished, tuple[Link, ...]] | None:
        """As `finished_nxdomain`, with what DO asks for: the tail is `signed_negative` and then these links. None in
        a zone that is not signed, too."""
        node = self._index.closest(qname)
        if self._signed is None or not node.has_no_stand_in or node.name == qname:
            return None
        if qtype >= _TYPES_KEPT or is_meta_type(qtype):
            return None
        proof = self._signed.nxdomain(qname, node.name)
        records = self._signed_negative_records
        for link in proof:
            records += link.count
        finished = self._signed_nxdomains.get((qtype, records))
        if finished is None:
            heads = render_heads(AA, Rcode.NXDOMAIN, (0, records, 0))
            finished = Finished(heads, b"", self.facts(qtype, Rcode.NXDOMAIN))
            self._signed_nxdomains[qtype, records] = finished
        return finished, proof

    def signed_negative(self, apex: bytes) -> bytes:
        """The SOA of a negative answer with its signatures; `apex` is how that is written."""
        kept = self._signed_negatives.get(apex)
        if kept is None:
            octets = b"".join(segment.template.fill(b"", apex) for segment in self._signed_negative)
            kept = self._signed_negatives[apex] = octets
        return kept

    def negative(self, ttl_seconds: int | None = None) -> Segment:
        """The SOA for a negative answer; a health-caused one lives no longer than `ttl_seconds`."""
        ttl = self._negative_ttl if ttl_seconds is None else min(self._negative_ttl, ttl_seconds)
        soa = replace(self.zone.rrsets[self.apex][RRType.SOA], ttl_seconds=ttl)
        return self._segment(AUTHORITY, soa, owner_is_open=False)

    def outcome(self, qname: Name, qtype: int) -> tuple[Outcome, Node]:
        """What `answer` is made from, and the node of the name or its closest encloser: for those who explain it."""
        return self._index.lookup(qname, qtype), self._index.closest(qname)

    def answer(self, qname: Name, qtype: int, *, signed: bool = False) -> Answer:
        """The answer to a canonical name at or below the apex; `signed`: with what DO asks for, where the zone is."""
        return self.answer_to(self.lookup(qname, qtype), qname, qtype, signed=signed)

    def lookup(self, qname: Name, qtype: int) -> Outcome:
        """What the zone says of a canonical name at or below the apex."""
        return self._index.lookup(qname, qtype)

    def answer_to(self, outcome: Outcome, qname: Name, qtype: int, *, signed: bool) -> Answer:
        """The answer to a name and a type that were looked up."""
        if not signed or self._signed is None:
            return self._answer(outcome, qname, qtype, signed=False)
        return self._signed.of(self._answer(outcome, qname, qtype, signed=True), outcome, qname)

    def facts(self, qtype: int, rcode: int) -> Facts:
        """What is counted of a reply: the same object for the same facts, but for types too rare to keep."""
        kept = self._facts.get((qtype, rcode))
        if kept is None:
            kept = Facts(self.text, qtype, rcode)
            if qtype < _TYPES_KEPT:
                self._facts[qtype, rcode] = kept
        return kept

    def bundles(self, segments: tuple[Segment, ...]) -> tuple[Segment | Bundle, ...]:
        """The segments of an answer, but for a DNAME's, in as few pieces as they can be."""
        kept = self._bundles.get(segments)
        if kept is None:
            kept = self._bundles[segments] = bundled(segments)
        return kept

    def proof(self, outcome: Outcome, qname: Name) -> tuple[Link, ...]:
        """What `answer_to` shows with DO."""
        return self._signed.proof(outcome, qname) if self._signed is not None else ()

    def dname_over(self, name: Name) -> RRset | None:
        """The DNAME that stands in for whatever is below a canonical name of the zone."""
        return self._index.dname_over(name)

    def _answer(self, outcome: Outcome, qname: Name, qtype: int, *, signed: bool) -> Answer:
        if isinstance(outcome, NxDomain):
            return self.nxdomain
        if isinstance(outcome, NoData):
            return self._nodata_exact if qname in self._index.nodes else self._nodata
        if isinstance(outcome, Found):
            return self._found(outcome.node, outcome.rrset, qname)
        if isinstance(outcome, Alias):
            return self._alias(outcome.node, outcome.rrset, qname)
        if isinstance(outcome, Referral):
            return self._referral(outcome.node, qname, with_ds=signed)
        return self._redirection(outcome, qtype)

    def _found(self, node: Node, rrset: RRset, qname: Name) -> Answer:
        key = (node.name, rrset.rtype)
        exact = node.name == qname
        if key in self.zone.steered:
            return Answer(Rcode.NOERROR, authoritative=True, segments=(), exact=exact, draw=key)
        return Answer(Rcode.NOERROR, authoritative=True, segments=self._with_additional(rrset), exact=exact)

    def _alias(self, node: Node, rrset: RRset, qname: Name) -> Answer:
        key = (node.name, int(RRType.CNAME))
        exact = node.name == qname
        if key in self.zone.steered:
            return Answer(Rcode.NOERROR, authoritative=True, segments=(), exact=exact, draw=key)
        kept = self._aliases.get((node.name, exact))
        if kept is None:
            following = alias_target(rrset.rdatas[0])
            kept = self._aliases[node.name, exact] = Answer(
                Rcode.NOERROR,
                authoritative=True,
                segments=(self._segment(ANSWER, rrset, owner_is_open=True),),
                exact=exact,
                next=following if is_at_or_below(following, self.apex) else None,
            )
        return kept

    def _redirection(self, outcome: Redirection, qtype: int) -> Answer:
        """A DNAME and the CNAME synthesized from it, TTL as the DNAME's (RFC 6672 section 3.1). A CNAME
        that is asked for is the answer, a synthesized one too. A DNAME into itself makes a chain of any name below it
        that goes on until the name is too long: its first step is all there is to say."""
        owner = outcome.rrset.owner
        renaming = self.renaming(outcome.rrset)
        following = outcome.target
        if following is None:
            return Answer(Rcode.YXDOMAIN, authoritative=True, segments=renaming.segments, dname=owner)
        stays = renaming.stays or is_at_or_below(following, self.apex)  # by way of a zone above ours
        template = render_alias(outcome.rrset.ttl_seconds, following, self.apex if stays else ROOT)
        goes_on = stays and qtype != RRType.CNAME
        is_last = renaming.endless and len(following) + len(renaming.target) - len(owner) > MAX_NAME_OCTETS
        return Answer(
            Rcode.YXDOMAIN if goes_on and is_last else Rcode.NOERROR,
            authoritative=True,
            segments=(*renaming.segments, Segment(ANSWER, 1, template)),
            next=following if goes_on and not renaming.endless else None,
            dname=owner,
        )

    def renaming(self, rrset: RRset, *, signed: bool = False) -> Renaming:
        """What is to say of a DNAME."""
        kept = self._renamings.get((rrset.owner, signed))
        if kept is None:
            target = alias_target(rrset.rdatas[0])
            segments: tuple[Segment, ...] = (self._segment(ANSWER, rrset, owner_is_open=False),)
            if signed and self._signed is not None:
                segments = tuple(self._signed.beside(segments))
            stays, endless = is_at_or_below(target, self.apex), is_at_or_below(target, rrset.owner)
            taken = rrset.owner[: -len(target)] if is_below(rrset.owner, target) else b""
            kept = self._renamings[rrset.owner, signed] = Renaming(rrset, segments, target, stays, endless, taken)
            if taken:
                known = self._upwards.get((target, signed), Upwards({}, 0))
                known.taken[taken] = kept
                self._upwards[target, signed] = Upwards(known.taken, max(known.octets, len(taken)))
        return kept

    def upwards(self, target: Name, *, signed: bool) -> Upwards:
        """The DNAMEs that lead up to a name, of those that `renaming` was asked for; there is one."""
        return self._upwards[target, signed]

    def _referral(self, cut: Node, qname: Name, *, with_ds: bool) -> Answer:
        """NS records of the child, its DS for DO in a signed zone, and glue: required for servers inside the child
        (RFC 9471 section 3.1), sent where it fits for the others. A DS record in an unsigned zone is for those who ask
        for it: nobody can trust it."""
        key = (cut.name, with_ds)
        if not is_at_or_below(qname, cut.name):  # the cut is a wildcard
            segments = self._wildcard_referrals.get(key) or self._synthesized_referral(cut, with_ds=with_ds)
            self._wildcard_referrals[key] = segments
        else:
            segments = self._referrals.get(key) or self._shortened_referral(cut, with_ds=with_ds)
            self._referrals[key] = segments
        return Answer(Rcode.NOERROR, authoritative=False, segments=segments, exact=cut.name == qname)

    def _synthesized_referral(self, cut: Node, *, with_ds: bool) -> tuple[Segment, ...]:
        """A wildcard's: the child stands under the name asked."""
        ns = cut.rrsets[RRType.NS]
        segments = [self._segment(AUTHORITY, ns, owner_is_open=True, signable=False)]
        if with_ds and RRType.DS in cut.rrsets:
            segments.append(self._segment(AUTHORITY, cut.rrsets[RRType.DS], owner_is_open=True))
        for host in _targets(ns):
            segments += self._addresses(host, required=is_at_or_below(host, cut.name))
        return tuple(segments)

    def _shortened_referral(self, cut: Node, *, with_ds: bool) -> tuple[Segment, ...]:
        """Every other cut's: there are few, and each is the same whatever is asked below it."""
        compression = Compression(cut.name, self.apex)
        ns = cut.rrsets[RRType.NS]
        segments = [Segment(AUTHORITY, len(ns.rdatas), compression.first(ns, owner_is_open=False))]
        if with_ds and RRType.DS in cut.rrsets:
            ds = cut.rrsets[RRType.DS]
            segments.append(Segment(AUTHORITY, len(ds.rdatas), compression.then(ds), signable=ds))
        for host in _targets(ns):
            required = is_at_or_below(host, cut.name)
            signable = self._speaks_for(host)
            segments += [
                Segment(ADDITIONAL, len(rrset.rdatas), compression.then(rrset), required, rrset if signable else None)
                for rrset in self._addresses_of(host)
            ]
        return tuple(segments)

    def _with_additional(self, rrset: RRset) -> tuple[Segment, ...]:
        key = (rrset.owner, rrset.rtype)
        kept = self._segments.get(key)
        if kept is None:
            brought = self._brought_along(rrset)
            alone = (self._segment(ANSWER, rrset, owner_is_open=True),)
            kept = self._segments[key] = self._compressed(rrset, brought) if brought else alone
        return kept

    def _compressed(self, rrset: RRset, brought: list[tuple[RRset, bool]]) -> tuple[Segment, ...]:
        """An rrset with what it brings along."""
        is_wildcard = rrset.owner[:2] == WILDCARD_LABEL
        compression = Compression(parent(rrset.owner) if is_wildcard else rrset.owner, self.apex)
        template = compression.first(rrset, owner_is_open=True)
        segments = [Segment(ANSWER, len(rrset.rdatas), template, signable=rrset)]
        for each, owner_is_open in brought:
            signable = each if self._speaks_for(each.owner) else None
            template = compression.then(each, owner_is_open=owner_is_open)
            segments.append(Segment(ADDITIONAL, len(each.rdatas), template, required=False, signable=signable))
        return tuple(segments)

    def _brought_along(self, rrset: RRset) -> list[tuple[RRset, bool]]:
        """The additional data of an rrset, and whether the name asked is its owner. Glue is for name servers alone (RFC
        1034 section 4.2.1)."""
        hosts = [host for host in _targets(rrset) if rrset.rtype == RRType.NS or not self._is_veiled(host)]
        brought = [(each, False) for host in hosts for each in self._addresses_of(host)]
        return brought + self._services(rrset) if rrset.rtype in _SERVICES else brought

    def _services(self, rrset: RRset) -> list[tuple[RRset, bool]]:
        """What SVCB and HTTPS want besides their targets' addresses (RFC 9460 section 4.1): the addresses of the owner,
        where the target "." means it (section 2.5.2), and the records that an alias leads to."""
        if any(target(rrset.rtype, rdata) == ROOT and not is_service_alias(rdata) for rdata in rrset.rdatas):
            is_there = rrset.owner in _targets(rrset)  # written out beside the "."
            return [] if is_there else [(each, True) for each in self._addresses_of(rrset.owner)]
        hosts = (target(rrset.rtype, rdata) for rdata in rrset.rdatas if is_service_alias(rdata))
        own = [host for host in dict.fromkeys(hosts) if host and self._speaks_for(host)]
        aliased = (self.zone.rrsets[host].get(rrset.rtype) for host in own if host in self.zone.rrsets)
        return [(each, False) for each in aliased if each]

    def _addresses(self, host: Name, *, required: bool) -> list[Segment]:
        """Addresses of a host that the zone holds, glue included. What is steered is left out: additional data never
        draws, and resolvers ask."""
        signable = self._speaks_for(host)
        return [
            self._segment(ADDITIONAL, rrset, owner_is_open=False, required=required, signable=signable)
            for rrset in self._addresses_of(host)
        ]

    def _speaks_for(self, host: Name) -> bool:
        """True for a name whose data is this zone's own, and not glue."""
        node = self._index.nodes.get(host)
        return node is not None and node.veil is None

    def _is_veiled(self, host: Name) -> bool:
        return is_at_or_below(host, self.apex) and self._index.closest(host).veil is not None

    def _addresses_of(self, host: Name) -> list[RRset]:
        node = self._source_of(host)
        if node is None:
            return []
        found = [node.rrsets[rtype] for rtype in _ADDRESS_TYPES if rtype in node.rrsets]
        found = [rrset for rrset in found if (rrset.owner, rrset.rtype) not in self.zone.steered]
        return found if node.name == host else [replace(rrset, owner=host) for rrset in found]

    def _source_of(self, host: Name) -> Node | None:
        """The node of a host, or the wildcard that stands in for it; None for what a DNAME hides. A signed zone leaves
        the wildcard out: whoever asks for the addresses is shown that there is no closer name, and here there is no
        place for that."""
        if not is_at_or_below(host, self.apex):
            return None
        node = self._index.closest(host)
        if node.veil is not None and node.renaming is not None:
            return None
        if node.name == host:
            return node
        return None if self.signing is not None or RRType.DNAME in node.rrsets else node.wildcard

    def _segment(
        self, section: int, rrset: RRset, *, owner_is_open: bool, required: bool = True, signable: bool = True
    ) -> Segment:
        template = render_rrset(rrset, self.apex, owner_is_open=owner_is_open)
        return Segment(section, len(rrset.rdatas), template, required, rrset if signable else None)

    def __repr__(self) -> str:
        return f"<ZoneTable {self.text} serial {self.zone.serial}>"


def _targets(rrset: RRset) -> list[Name]:
    hosts = (target(rrset.rtype, rdata) for rdata in rrset.rdatas)
    return [host for host in dict.fromkeys(hosts) if host is not None and host != ROOT]

"""What DO adds to an answer: signatures beside what they cover, and proof of what is not there.

`answer.compile` makes the answer as it is without DNSSEC; here it gets the signatures over each rrset that the zone
speaks for (RFC 4035 section 3.1.1; those over additional data where they fit), and, where something does not exist, the
NSEC or NSEC3 records that show it (RFC 4035 section 3.1.3, RFC 5155 section 7.2). Which these are `zone.denial` knows;
which question is put to it follows from the outcome of the lookup.
"""

from collections.abc import Iterator
from dataclasses import replace

from gslb.answer.compressed import CompressedTemplate
from gslb.answer.run import Rendering
from gslb.answer.segments import Answer, Link, Segment
from gslb.answer.template import Template, render_rrset, render_together
from gslb.wire.codes import RRType
from gslb.wire.names import Name, parent
from gslb.wire.rdata import signatures_key
from gslb.zone.denial import Denial, Proof
from gslb.zone.lookup import NoData, NxDomain, Outcome, Redirection, Referral
from gslb.zone.rrset import RRset
from gslb.zone.zone import Zone


class SignedAnswers:
    """The signed answers of a zone, from the plain ones. What is rendered is kept: no more than the zone has rrsets,
    in each place where they stand."""

    def __init__(self, zone: Zone, denial: Denial) -> None:
        self._zone = zone
        self._denial = denial
        self._signatures: dict[tuple[Name, int, int, bool, int | None], Segment | None] = {}
        self._beside: dict[Segment, Segment | None] = {}
        self._answers: dict[tuple[Segment, ...], tuple[Segment, ...]] = {}
        self._links: dict[Name, Link] = {}

    def of(self, answer: Answer, outcome: Outcome, qname: Name) -> Answer:
        """The signed form of the plain answer to `qname`, whose lookup had this outcome."""
        rcode, authoritative, plain, exact, draw, following, dname, _ = answer
        if dname is None:
            segments = self._answers.get(plain)
            if segments is None:
                segments = self._answers[plain] = tuple(self.beside(plain))
        else:  # it has a CNAME of its own for each name
            segments = tuple(self.beside(plain))
        return Answer(rcode, authoritative, segments, exact, draw, following, dname, self.proof(outcome, qname))

    def proof(self, outcome: Outcome, qname: Name) -> tuple[Link, ...]:
        """What shows that there is nothing else, where that is so."""
        links = self._links
        return tuple([links.get(rrset.owner) or self._link(rrset) for rrset in self._proof(outcome, qname)])

    def nxdomain(self, qname: Name, encloser: Name) -> tuple[Link, ...]:
        """What shows that there is no such name, whose closest encloser this is."""
        links = self._links
        return tuple([links.get(rrset.owner) or self._link(rrset) for rrset in self._denial.nxdomain(qname, encloser)])

    def _proof(self, outcome: Outcome, qname: Name) -> Proof:
        """What an outcome leaves to be shown."""
        if isinstance(outcome, Redirection):
            return ()
        node = outcome.node
        if isinstance(outcome, NxDomain):
            return self._denial.nxdomain(qname, node.name)
        if isinstance(outcome, Referral):
            return () if RRType.DS in node.rrsets else self._denial.nodata(node.name)
        if isinstance(outcome, NoData):
            if node.name == qname:
                return self._denial.nodata(qname)
            return self._denial.wildcard_nodata(qname, parent(node.name))
        return () if node.name == qname else self._denial.expansion(qname, parent(node.name))

    def beside(self, segments: tuple[Segment, ...]) -> Iterator[Segment]:
        """The segments, each with its signatures behind it."""
        for segment in segments:
            yield segment
            if segment.signable is not None:
                if segment in self._beside:
                    signatures = self._beside[segment]
                else:
                    signatures = self._beside[segment] = self._over(segment, segment.signable)
                if signatures is not None:
                    yield signatures

    def _over(self, segment: Segment, rrset: RRset) -> Segment | None:
        """The signatures over what is in a segment, their TTL as its own (RFC 4034 section 3)."""
        covered = segment.template
        is_open = covered.owner_is_open
        pointed = covered.owner_offset if isinstance(covered, CompressedTemplate) else None
        key = (rrset.owner, rrset.key, segment.section, is_open, pointed)
        if key in self._signatures:
            return self._signatures[key]
        signatures = self._zone.rrsets[rrset.owner].get(signatures_key(rrset.rtype))
        found = None
        if signatures is not None:
            signatures = replace(signatures, ttl_seconds=rrset.ttl_seconds)
            template: Template | CompressedTemplate
            template = plain = render_rrset(signatures, self._zone.apex, owner_is_open=is_open)
            if isinstance(covered, CompressedTemplate) and pointed is not None:
                template = covered.beside(signatures, plain)
            found = Segment(segment.section, len(signatures.rdatas), template, segment.required, follows=True)
        self._signatures[key] = found
        return found

    def _link(self, rrset: RRset) -> Link:
        rrsets = (rrset, self._zone.rrsets[rrset.owner][signatures_key(rrset.rtype)])
        template = render_together(rrsets, self._zone.apex, rrset.ttl_seconds)
        count = sum(len(each.rdatas) for each in rrsets)
        rendering = Rendering()
        rendering.add(template, count)
        link = self._links[rrset.owner] = Link(rrset.owner, count, template, rendering.run())
        return link

"""The walk along a chain written plainly: a step at a time, each rendered anew. `respond` has to say the same.

Only what a zone answers to one name, and how a record is written, is taken from the server.
"""

from dataclasses import dataclass, field
from itertools import dropwhile

from gslb.answer.draws import DrawSource
from gslb.answer.segments import ADDITIONAL, ANSWER, AUTHORITY, Link, Segment
from gslb.answer.table import AnswerTable
from gslb.wire.codes import AA, TC, Rcode, RRType
from gslb.wire.edns import render_opt, reply_limit
from gslb.wire.message import MAX_MESSAGE_OCTETS, MAX_POINTER_OFFSET, QNAME_POINTER, pointer, render_header
from gslb.wire.query import HEADER_OCTETS, parse_query

MOST_NAMES = 9
"""The question name and those that 8 steps lead to."""
_RECORD_FIXED_OCTETS = 10


@dataclass
class _Walk:
    offset: int
    pieces: list[tuple[int, int, bytes, bool, bool]] = field(default_factory=list)
    owner: bytes = QNAME_POINTER
    start: int = 0
    rcode: Rcode = Rcode.NOERROR
    authoritative: bool = True
    error: bytes = b""

    def put(self, section: int, count: int, octets: bytes, *, required: bool = True, follows: bool = False) -> None:
        if not follows:
            self.start = self.offset
        self.offset += len(octets)
        self.pieces.append((section, count, octets, required, follows))

    def follow(self, name: bytes) -> None:
        target = self.start + len(self.owner) + _RECORD_FIXED_OCTETS
        self.owner = pointer(target) if target <= MAX_POINTER_OFFSET else name


def plain_reply(data: bytes, table: AnswerTable, source: DrawSource, *, udp: bool, udp_size: int) -> bytes:
    """The reply to a query without options about a name of ours."""
    query = parse_query(data)
    qname = query.qname.lower()
    zone = table.zones[table.apex_for(qname, query.qtype)]
    signed = zone.signing is not None and query.edns is not None and query.edns.dnssec_ok
    start = HEADER_OCTETS + len(query.question)
    apex = pointer(HEADER_OCTETS + len(qname) - len(zone.apex))
    walk = _Walk(start)
    seen: list[bytes] = []
    dnames: list[bytes] = []
    links: dict[bytes, Link] = {}
    behind: list[Segment] = []
    name = qname
    while name is not None and name not in seen and len(seen) < MOST_NAMES:
        if seen:
            walk.follow(name)
        answer = zone.answer(name, query.qtype, signed=signed)
        walk.authoritative = walk.authoritative if seen else answer.authoritative
        seen.append(name)
        segments = answer.segments
        if answer.dname is not None and answer.dname in dnames:
            segments = dropwhile(lambda segment: segment.follows, segments[1:])
        for each in segments:
            if signed and each.section == ADDITIONAL:
                behind.append(each)
            else:
                octets = each.template.fill(walk.owner, apex)
                walk.put(each.section, each.count, octets, required=each.required, follows=each.follows)
        dnames.append(answer.dname)
        links |= {link.owner: link for link in answer.proof}
        walk.rcode = answer.rcode
        name = answer.next
        if answer.draw is not None:
            name = _drawn(walk, table.draws[answer.draw], answer.draw, zone, source, apex)
            name = None if query.qtype in {RRType.CNAME, RRType.ANY} else name
    for link in links.values():
        begin = pointer(walk.offset) if walk.offset <= MAX_POINTER_OFFSET else link.owner
        walk.put(AUTHORITY, link.count, link.template.fill(walk.owner, apex, begin))
    for each in behind:
        octets = each.template.fill(walk.owner, apex)
        walk.put(each.section, each.count, octets, required=each.required, follows=each.follows)
    limit = reply_limit(query.edns, udp_size) if udp else MAX_MESSAGE_OCTETS
    return _emitted(query, walk, limit)


def _drawn(walk, draw, key, zone, source, apex):
    """Draw; the name where a CNAME that was drawn leads."""
    walk.error = walk.error or draw.error
    if draw.outcomes:
        outcomes = draw.pick(source)
        walk.put(ANSWER, len(outcomes), b"".join(walk.owner + outcome.record for outcome in outcomes))
        return outcomes[0].next
    walk.rcode = draw.rcode
    if draw.rcode is Rcode.SERVFAIL:
        walk.pieces.clear()
        walk.authoritative = False
    else:
        segment = zone.negative(draw.selection.steered.rrset.ttl_seconds)
        walk.put(AUTHORITY, segment.count, segment.template.fill(walk.owner, apex))
    return None


def _emitted(query, walk, limit):
    for error in dict.fromkeys((walk.error, b"")):
        opt = b""
        if query.edns is not None:
            opt = render_opt(walk.rcode, dnssec_ok=query.edns.dnssec_ok, options=error)
        kept, truncated = _fitting(walk.pieces, limit - HEADER_OCTETS - len(query.question) - len(opt))
        if len(kept) == len(walk.pieces):
            break
    counts = [sum(piece[1] for piece in kept if piece[0] == section) for section in range(3)]
    counts[2] += bool(opt)
    flags = (AA if walk.authoritative else 0) | (TC if truncated else 0)
    header = render_header(query.message_id, query.flags, flags, walk.rcode, tuple(counts))
    return header + query.question + b"".join(piece[2] for piece in kept) + opt


def _fitting(pieces, room):
    """What is required comes first, then the rest, each by section. Without its rrset a signature is of no use."""
    places = sorted(range(len(pieces)), key=lambda place: (not pieces[place][3], pieces[place][0], place))
    kept, before = [], True
    for place in places:
        _, _, octets, required, follows = pieces[place]
        before = len(octets) <= room and (before or not follows)
        if before:
            room -= len(octets)
            kept.append(place)
        elif required:
            break
    else:
        required = False
    return [pieces[place] for place in sorted(kept, key=lambda place: (pieces[place][0], place))], required

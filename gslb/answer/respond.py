"""respond: a query's bytes, a table and a draw source give a reply. Pure, and the reference for any faster path.

The steps: parse; refuse what is not ours; walk the answers (a chain of at most MAX_STEPS within the zone); emit
what fits. Truncation is at rrset boundaries: an optional rrset that does not fit goes silently, a required one
sets TC.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import dropwhile
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

from gslb.answer.chaos import chaos_record
from gslb.answer.compile import ZoneTable
from gslb.answer.draws import Draw, DrawSource, Outcome
from gslb.answer.finished import WITH_DO, WITHOUT_DO, Facts, Finished, render_heads
from gslb.answer.options import (
    Asking,
    NodeOptions,
    ZoneVersion,
    cookie_rcode,
    fault_of,
    lacks_cookie,
    padded,
    reply_opt,
)
from gslb.answer.segments import ADDITIONAL, ANSWER, AUTHORITY, Answer, Link, Segment
from gslb.answer.table import AnswerTable
from gslb.answer.template import POINTERS
from gslb.wire.codes import AA, CLASS_CH, CLASS_IN, TC, Opcode, Rcode, RRType
from gslb.wire.ede import (
    NO_SUCH_QUESTION,
    NO_TRANSFER,
    NO_VERSION,
    NOT_ALLOWED,
    NOT_OURS,
    TCP_ONLY,
    UNKNOWN_KEY,
    UNKNOWN_OPCODE,
)
from gslb.wire.edns import DEFAULT_UDP_SIZE, render_opt, reply_limit
from gslb.wire.message import MAX_MESSAGE_OCTETS, MAX_POINTER_OFFSET, QNAME_POINTER, Counts, pointer, render_header
from gslb.wire.names import Name
from gslb.wire.query import HEADER_OCTETS, NOT_ONE_QUESTION, FormError, Query, opcode_of, parse_query
from gslb.zone.steered import SteeredKey

MAX_STEPS = 8
SILENT_NODE = NodeOptions()
UNANSWERED: Mapping[int, tuple[Rcode, bytes]] = MappingProxyType(
    {
        RRType.NXNAME: (Rcode.FORMERR, NO_SUCH_QUESTION),  # RFC 9824 section 3.4
        RRType.IXFR: (Rcode.REFUSED, NO_TRANSFER),
        RRType.AXFR: (Rcode.REFUSED, NO_TRANSFER),
    }
)
"""The types that are no question about data, and the rcode and extended error to each. Other meta types are data that
no name has, and are answered so, for resolvers to know it."""
_RECORD_FIXED_OCTETS = 10
_CNAME_IS_ANSWER = (RRType.CNAME, RRType.ANY)


@dataclass(frozen=True, slots=True)
class Reply:
    """`wire` is the message. `outcomes` are the members answered. `fault` names what was wrong with the query.

    `for_peers`: a NOTIFY, a transfer or a signed query. A node that has peers answers it otherwise (see
    `transfer.exchange`); `wire` is the reply of one that has none.
    """

    wire: bytes
    facts: Facts
    outcomes: tuple[Outcome, ...] = ()
    fault: str = ""
    for_peers: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """No reply, and why."""

    reason: str


class _Piece(NamedTuple):
    """One rendered rrset on its way into a message."""

    section: int
    records: int
    octets: bytes
    required: bool
    follows: bool = False


_SECTION = itemgetter(0)


class _Draft:
    """What a walk through a zone gathers. `owner` is how the current step's owner is written, `offset` where the
    next piece will stand, `drawn` the steered owner whose outcomes were drawn last, `error` the extended error.
    `signed`: DO was set, and the zone is signed; `proof` is what then has to be shown not to exist."""

    def __init__(self, query: Query, zone: ZoneTable) -> None:
        self.pieces: list[_Piece] = []
        self.signed = zone.signing is not None and query.edns is not None and query.edns.dnssec_ok
        self.proof: dict[Name, Link] = {}
        self.outcomes: tuple[Outcome, ...] = ()
        self.rcode = Rcode.NOERROR
        self.authoritative = True
        self.lasting = True
        self.drawn: SteeredKey | None = None
        self.error = b""
        self.owner = QNAME_POINTER
        self.offset = HEADER_OCTETS + len(query.qname) + 4
        self._apex = POINTERS[HEADER_OCTETS + len(query.qname) - len(zone.apex)]
        self._last_start = self.offset

    def add(self, segment: Segment) -> None:
        octets = segment.template.fill(self.owner, self._apex)
        self._append(_Piece(segment.section, segment.count, octets, segment.required, segment.follows))

    def prove(self) -> None:
        """Add what has to be shown; whatever comes before it in the message is there already."""
        for link in self.proof.values():
            octets = link.template.fill_at(self.owner, self._apex, self.offset, link.owner)
            self._append(_Piece(AUTHORITY, link.count, octets, required=True))

    def add_outcomes(self, key: SteeredKey, outcomes: tuple[Outcome, ...]) -> None:
        octets = b"".join(self.owner + outcome.record for outcome in outcomes)
        self._append(_Piece(ANSWER, len(outcomes), octets, required=True))
        self.lasting = self.lasting and self.drawn is None
        self.outcomes += outcomes
        self.drawn = key

    def _append(self, piece: _Piece) -> None:
        if not piece.follows:
            self._last_start = self.offset
        self.offset += len(piece.octets)
        self.pieces.append(piece)

    def follow(self, name: Name) -> None:
        """The next owner, `name`, is the target of the CNAME just added: a pointer to where it stands in the rdata.
        MAX_STEPS CNAMEs and DNAMEs stay well within a pointer's reach; large signatures may not."""
        target = self._last_start + len(self.owner) + _RECORD_FIXED_OCTETS
        self.owner = pointer(target) if target <= MAX_POINTER_OFFSET else name


def respond(
    data: bytes,
    table: AnswerTable,
    source: DrawSource,
    *,
    udp: bool = True,
    udp_size: int = DEFAULT_UDP_SIZE,
    node: NodeOptions = SILENT_NODE,
    client: str = "",
    now: float = 0.0,
    tls: str = "",
    refuses: Callable[[Name], bool] | None = None,
) -> Reply | Silence:
    """Answer one message. `udp_size` bounds replies over UDP; `node`, the `client`'s address, `now`, Unix seconds, and
    `tls`, the version of TLS, are for the EDNS options; `refuses` tells of a zone of ours, by apex, that this client
    may not ask it. Never raises for anything in `data`."""
    try:
        query = parse_query(data)
    except FormError as error:
        return _refuse_packet(data, error)
    qname = query.qname.lower()
    asking = Asking(query.edns, qname, query.qtype, node, client, now, udp, tls)
    refusal = _refusal(query, asking)
    if refusal is not None:
        return refusal
    apex = table.apex_for(qname, query.qtype)
    if query.qclass != CLASS_IN or apex is None:
        return _bare(query, asking, Rcode.REFUSED, NOT_OURS)
    if refuses is not None and refuses(apex):
        return _bare(query, asking, Rcode.REFUSED, NOT_ALLOWED)
    zone = table.zones[apex]
    if zone is None:
        return _bare(query, asking, Rcode.SERVFAIL, NO_VERSION, fault="no version of the zone to serve")
    draft = _Draft(query, zone)
    _walk(qname, query.qtype, draft, zone, table, source)
    facts = Facts(zone.text, query.qtype, draft.rcode)
    if draft.lasting:
        _keep(query, qname, draft, facts, table, zone)
    version = ZoneVersion(zone.apex, zone.serial)
    return _emit(query, asking, version, draft, facts, reply_limit(query.edns, udp_size) if udp else MAX_MESSAGE_OCTETS)


def _refusal(query: Query, asking: Asking) -> Reply | None:
    """The reply to what is refused, whatever it asks about; None for a query to look up."""
    if query.edns is not None and query.edns.version != 0:
        # The options of another version are not ours to read.
        opt = render_opt(Rcode.BADVERS, dnssec_ok=query.edns.dnssec_ok)
        return _closed(query, Rcode.BADVERS, opt, fault="an EDNS version above 0")
    fault = fault_of(query.edns, udp=asking.udp)
    if fault:
        return _closed(query, Rcode.FORMERR, render_opt(Rcode.FORMERR, dnssec_ok=False), fault=fault)
    if query.signed:
        fault = "signed with a key we do not have"
        return _bare(query, asking, Rcode.NOTAUTH, UNKNOWN_KEY, fault=fault, for_peers=True)
    if not query.question:
        rcode = cookie_rcode(asking)
        return _bare(query, asking, rcode, fault=NOT_ONE_QUESTION if rcode is Rcode.FORMERR else "")
    if lacks_cookie(asking):
        return _bare(query, asking, Rcode.BADCOOKIE)
    refused = UNANSWERED.get(query.qtype)
    if refused is not None:
        rcode, error = refused
        if asking.udp and query.qtype == RRType.AXFR:  # it is defined for TCP alone (RFC 5936 section 4.2)
            rcode, error = Rcode.NOTIMP, TCP_ONLY
        return _bare(query, asking, rcode, error, for_peers=rcode is Rcode.REFUSED)
    return _chaos(query, asking) if query.qclass == CLASS_CH else None


def _chaos(query: Query, asking: Asking) -> Reply:
    """The reply to a query of class CHAOS."""
    record = chaos_record(asking.qname, query.qtype, asking.node)
    if record is None:
        return _bare(query, asking, Rcode.REFUSED, NOT_OURS)
    opt = reply_opt(asking, Rcode.NOERROR)
    header = render_header(query.message_id, query.flags, 0, Rcode.NOERROR, (1, 0, 1 if opt else 0))
    return Reply(header + query.question + record + opt, Facts("", query.qtype, Rcode.NOERROR))


def _refuse_packet(data: bytes, error: FormError) -> Reply | Silence:
    if error.rcode is None:
        return Silence(error.reason)
    flags = int.from_bytes(data[2:4], "big")
    question = data[HEADER_OCTETS : error.question_end]
    why = UNKNOWN_OPCODE if error.rcode is Rcode.NOTIMP else b""
    opt = render_opt(error.rcode, dnssec_ok=False, options=why) if error.with_opt else b""
    counts = (0, 0, 1 if opt else 0)
    header = render_header(data[:2], flags, 0, error.rcode, counts, questions=1 if question else 0)
    for_peers = opcode_of(flags) == Opcode.NOTIFY
    return Reply(header + question + opt, Facts("", 0, error.rcode), fault=error.reason, for_peers=for_peers)


def _bare(
    query: Query, asking: Asking, rcode: Rcode, error: bytes = b"", fault: str = "", *, for_peers: bool = False
) -> Reply:
    """A reply of a question and an rcode, and what the options ask for."""
    opt = reply_opt(asking, rcode, error=error)
    reply = _closed(query, rcode, opt, fault, for_peers=for_peers)
    return replace(reply, wire=padded(reply.wire, opt, asking)) if asking.tls else reply


def _closed(query: Query, rcode: Rcode, opt: bytes, fault: str = "", *, for_peers: bool = False) -> Reply:
    questions = 1 if query.question else 0
    header = render_header(query.message_id, query.flags, 0, rcode, (0, 0, 1 if opt else 0), questions)
    return Reply(header + query.question + opt, Facts("", query.qtype, rcode), fault=fault, for_peers=for_peers)


def _walk(qname: Name, qtype: int, draft: _Draft, zone: ZoneTable, table: AnswerTable, source: DrawSource) -> None:
    """Follow the chain from the question name to its end, a name seen before, or MAX_STEPS. A DNAME that leads on more
    than once is sent once: a reply holds no rrset twice (RFC 2181 section 5)."""
    seen: set[Name] = set()
    dnames: set[Name] = set()
    additional: list[Segment] = []  # behind the proof
    name: Name | None = qname
    while name is not None and name not in seen and len(seen) <= MAX_STEPS:
        if seen:
            draft.follow(name)
        answer = zone.answer(name, qtype, signed=draft.signed)
        if not seen:
            draft.authoritative = answer.authoritative
        seen.add(name)
        for segment in _behind_dname(answer) if answer.dname in dnames else answer.segments:
            if segment.section == ADDITIONAL and draft.signed:
                additional.append(segment)
            else:
                draft.add(segment)
        for link in answer.proof:
            draft.proof[link.owner] = link
        if answer.dname is not None:
            dnames.add(answer.dname)
        draft.rcode = answer.rcode
        draft.lasting = draft.lasting and answer.exact
        name = answer.next
        if answer.draw is not None:
            following = _take(table.draws[answer.draw], answer.draw, draft, zone, source)
            # A CNAME that is asked for is the answer, and no step on the way (RFC 1034 section 3.6.2).
            name = None if qtype in _CNAME_IS_ANSWER else following
    draft.prove()
    for segment in additional:
        draft.add(segment)


def _behind_dname(answer: Answer) -> Iterator[Segment]:
    """The segments without the DNAME and its signatures."""
    return dropwhile(lambda segment: segment.follows, answer.segments[1:])


def _take(draw: Draw, key: SteeredKey, draft: _Draft, zone: ZoneTable, source: DrawSource) -> Name | None:
    """Draw, and give the owner where a drawn CNAME leads."""
    draft.error = draft.error or draw.error
    if draw.outcomes:
        outcomes = draw.pick(source)
        draft.add_outcomes(key, outcomes)
        following = outcomes[0].next
        draft.lasting = draft.lasting and following is None
        return following
    draft.lasting = False
    draft.rcode = draw.rcode
    if draw.rcode is Rcode.SERVFAIL:
        draft.pieces.clear()
        draft.outcomes = ()
        draft.authoritative = False
    else:
        draft.add(zone.negative(draw.selection.steered.rrset.ttl_seconds))
    return None


def _emit(query: Query, asking: Asking, version: ZoneVersion, draft: _Draft, facts: Facts, limit: int) -> Reply:
    room = limit - HEADER_OCTETS - len(query.question)
    opt = reply_opt(asking, draft.rcode, version, draft.error)
    kept, truncated = _fit(draft.pieces, room - len(opt))
    if draft.error and len(kept) < len(draft.pieces):  # an extended error is the first to go (RFC 8914 section 3)
        opt = reply_opt(asking, draft.rcode, version)
        kept, truncated = _fit(draft.pieces, room - len(opt))
    counts = _counts(kept)
    flags = (AA if draft.authoritative else 0) | (TC if truncated else 0)
    with_opt = (counts[0], counts[1], counts[2] + (1 if opt else 0))
    header = render_header(query.message_id, query.flags, flags, draft.rcode, with_opt)
    wire = b"".join((header, query.question, *(piece.octets for piece in kept), opt))
    return Reply(padded(wire, opt, asking), facts, () if truncated else draft.outcomes)


def _fit(pieces: list[_Piece], room: int) -> tuple[list[_Piece], bool]:
    """The pieces that fit, in the order of sections, and whether a required one did not."""
    ordered = sorted(pieces, key=_SECTION)
    if sum([len(piece.octets) for piece in ordered]) <= room:
        return ordered, False
    kept: list[_Piece] = []
    before_fits = True
    for piece in sorted(ordered, key=lambda piece: not piece.required):
        before_fits = len(piece.octets) <= room and (before_fits or not piece.follows)
        if before_fits:
            room -= len(piece.octets)
            kept.append(piece)
        elif piece.required:
            return sorted(kept, key=_SECTION), True
    return sorted(kept, key=_SECTION), False


def _counts(pieces: list[_Piece]) -> Counts:
    counts = [0, 0, 0]
    for piece in pieces:
        counts[piece.section] += piece.records
    return (counts[ANSWER], counts[AUTHORITY], counts[ADDITIONAL])


def _keep(query: Query, qname: Name, draft: _Draft, facts: Facts, table: AnswerTable, zone: ZoneTable) -> None:
    """Keep what may be answered again without a walk: names that exist, at most one draw, and that at the end."""
    question = qname + query.question[len(qname) :]
    if question in table.kept:  # but it does not fit, or was asked over TCP
        return
    static = draft.pieces if draft.drawn is None else draft.pieces[:-1]
    answer, authority, additional = _counts(static)
    if draft.drawn is not None:
        answer += 1
    heads = render_heads(AA if draft.authoritative else 0, draft.rcode, (answer, authority, additional))
    tail = b"".join(piece.octets for piece in sorted(static, key=_SECTION))
    owner = b"" if draft.drawn is None else draft.owner
    if zone.signing is not None:
        question += WITH_DO if draft.signed else WITHOUT_DO
    table.keep(question, Finished(heads, tail, facts, draft.drawn, owner))

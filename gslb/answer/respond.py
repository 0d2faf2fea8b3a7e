"""respond: a query's bytes, a table and a draw source give a reply. Pure, and the reference for any faster path.

The steps: parse; refuse what is not ours; walk through the zone (`answer.walk`); emit what fits (`answer.draft`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from gslb.answer.chaos import chaos_record
from gslb.answer.compile import ZoneTable
from gslb.answer.draft import BY_SECTION, Draft, counts_of, fit
from gslb.answer.draws import DrawSource, Outcome
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
from gslb.answer.table import AnswerTable
from gslb.answer.walk import walk
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
from gslb.wire.message import MAX_MESSAGE_OCTETS, render_header
from gslb.wire.names import Name
from gslb.wire.query import HEADER_OCTETS, NOT_ONE_QUESTION, FormError, Query, opcode_of, parse_query

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


class Reply(NamedTuple):
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
    limit = reply_limit(query.edns, udp_size) if udp else MAX_MESSAGE_OCTETS
    draft = Draft(query, zone, limit)
    walk(qname, query.qtype, draft, zone, table, source)
    facts = zone.facts(query.qtype, draft.rcode)
    if draft.lasting:
        _keep(query, qname, draft, facts, table, zone)
    version = ZoneVersion(zone.apex, zone.serial)
    return _emit(query, asking, version, draft, facts, limit)


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
    if not query.qname:
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
    return reply._replace(wire=padded(reply.wire, opt, asking)) if asking.tls else reply


def _closed(query: Query, rcode: Rcode, opt: bytes, fault: str = "", *, for_peers: bool = False) -> Reply:
    question = query.question
    header = render_header(query.message_id, query.flags, 0, rcode, (0, 0, 1 if opt else 0), 1 if question else 0)
    return Reply(header + question + opt, Facts("", query.qtype, rcode), fault=fault, for_peers=for_peers)


def _emit(query: Query, asking: Asking, version: ZoneVersion, draft: Draft, facts: Facts, limit: int) -> Reply:
    question = query.question
    room = limit - HEADER_OCTETS - len(question)
    opt = reply_opt(asking, draft.rcode, version, draft.error)
    kept, truncated = fit(draft, room - len(opt))
    if draft.error and draft.octets > room - len(opt):  # an extended error is the first to go (RFC 8914 section 3)
        opt = reply_opt(asking, draft.rcode, version)
        kept, truncated = fit(draft, room - len(opt))
    counts = counts_of(kept)
    flags = (AA if draft.authoritative else 0) | (TC if truncated else 0)
    with_opt = (counts[0], counts[1], counts[2] + (1 if opt else 0))
    header = render_header(query.message_id, query.flags, flags, draft.rcode, with_opt)
    wire = b"".join((header, question, *[piece.octets for piece in kept], opt))
    return Reply(padded(wire, opt, asking) if asking.tls else wire, facts, () if truncated else draft.outcomes)


def _keep(query: Query, qname: Name, draft: Draft, facts: Facts, table: AnswerTable, zone: ZoneTable) -> None:
    """Keep what may be answered again without a walk: names that exist, at most one draw, and that at the end."""
    question = qname + query.question[len(qname) :]
    if question in table.kept:  # but it does not fit, or was asked over TCP
        return
    static = draft.pieces if draft.drawn is None else draft.pieces[:-1]
    answer, authority, additional = counts_of(static)
    if draft.drawn is not None:
        answer += 1
    heads = render_heads(AA if draft.authoritative else 0, draft.rcode, (answer, authority, additional))
    tail = b"".join(piece.octets for piece in sorted(static, key=BY_SECTION))
    owner = b"" if draft.drawn is None else draft.owner
    if zone.signing is not None:
        question += WITH_DO if draft.signed else WITHOUT_DO
    table.keep(question, Finished(heads, tail, facts, draft.drawn, owner))

"""The short path: an ordinary query to its reply, without parsing.

A query of one plain question, with no EDNS or an OPT without options, and an answer that was finished before, is
a dictionary lookup, perhaps a draw, and a join; a name that is not there takes a lookup in its zone besides. A query
whose only option is a cookie, as many resolvers send with everything they ask, is answered as the query without it,
with our cookie. An answer of a signed zone is finished twice, with DO and without, and found by its zone. Everything
else is `None`: not mine, ask `respond`. A differential test holds the two equal.

The question's octets after the name are compared as they are: lower-casing them too would take type 65 (HTTPS)
for type 97. A zero octet inside a label ends the name early, and then no question of ours is equal: names in wire
form are a prefix code.
"""

from gslb.answer.compile import ZoneTable
from gslb.answer.draws import DrawSource, Outcome
from gslb.answer.finished import WITH_DO, WITHOUT_DO, Finished
from gslb.answer.table import AnswerTable
from gslb.answer.template import POINTERS
from gslb.wire.cookies import CLIENT_OCTETS, COOKIE_OCTETS, ServerCookies
from gslb.wire.edns import DEFAULT_UDP_SIZE, PLAIN_UDP_SIZE, Option, render_opt, render_option
from gslb.wire.names import FEW_LABELS_OCTETS, MAX_NAME_OCTETS, label_at

# Octets 2 to 11 of an ordinary query, to which of `Finished.heads` answers it: RD clear or set, then with an OPT;
# likewise with AD or CD set, which ask nothing of us.
_VARIANTS = {
    bytes((rd, ad_cd, 0, 1, 0, 0, 0, 0, 0, opt)): 2 * opt + rd
    for opt in (0, 1)
    for rd in (0, 1)
    for ad_cd in (0, 0x10, 0x20, 0x30)
}
# How the rdata of an OPT with a cookie and nothing else begins, its length first: with a cookie of ours, and without.
_WITH_OURS, _WITHOUT = (
    (4 + octets).to_bytes(2, "big") + render_option(Option.COOKIE, bytes(octets))[:4]
    for octets in (COOKIE_OCTETS, CLIENT_OCTETS)
)
_COOKIE_LENGTH = _WITH_OURS[:2]
_NO_OPTIONS = b"\x00\x00"
_CLASS_IN = b"\x00\x01"
_MAX_WHOLE = 20_000
_SIZES = (512, 1220, 1232, 1280, 1400, 1410, 1432, 1440, 1452, 1472, 2048, 4000, 4096, 8192, 65535)

_Ending = tuple[bytes, int, bool]
"""Our OPT, the reply's limit, and whether DO was set."""
_Whole = tuple[bytes, Finished, int, bytes]
"""A reply but for its id, what it was made from, its limit, and by which question that is kept."""
Shortcut = tuple[bytes, Finished, Outcome | None]
"""The reply, what it was made from, and the member drawn."""


class ShortPath:
    """The short path for one limit of UDP replies. Called with the octets of a datagram."""

    def __init__(self, udp_size: int = DEFAULT_UDP_SIZE) -> None:
        # An OPT without options, as resolvers send it.
        self._opts: dict[bytes, _Ending] = {
            b"\x00\x00\x29" + size.to_bytes(2, "big") + b"\x00\x00" + flags + b"\x00\x00": (
                render_opt(0, dnssec_ok=flags == b"\x80\x00"),
                max(PLAIN_UDP_SIZE, min(size, udp_size)),
                flags == b"\x80\x00",
            )
            for size in _SIZES
            for flags in (b"\x00\x00", b"\x80\x00")
        }
        self._opts[b""] = (b"", PLAIN_UDP_SIZE, False)
        self.cookies: ServerCookies | None = None
        # Whole queries but for the id, to whole replies: of answers without a draw, good while `_kept` is the table's.
        self._whole: dict[bytes, _Whole] = {}
        self._kept: object = None

    def answer(
        self, data: bytes, table: AnswerTable, source: DrawSource, client: str = "", now: float = 0.0
    ) -> Shortcut | None:
        """The reply to an ordinary query, or None. The client's address and `now`, Unix seconds, are for cookies."""
        if table.kept is not self._kept:
            self._turn_to(table)
        whole = self._whole.get(data[2:])
        if whole is not None:
            return data[:2] + whole[0], whole[1], None
        if data[-30:-24] == _WITH_OURS:
            return self._with_cookie(data[:-30] + _NO_OPTIONS, data[-24:], table, source, client, now)
        if data[-14:-8] == _WITHOUT:
            return self._with_cookie(data[:-14] + _NO_OPTIONS, data[-8:], table, source, client, now)
        return self._made(data, table, source)

    def _with_cookie(
        self, data: bytes, value: bytes, table: AnswerTable, source: DrawSource, client: str, now: float
    ) -> Shortcut | None:
        """The reply to a query of which the cookie was cut off the end: `data` ends in an OPT without options, or else
        it is no ordinary query."""
        if self.cookies is None:
            option = b""
        else:
            option, good = self.cookies.answer(value, client, now)
            if self.cookies.required and not good:
                return None
        whole = self._whole.get(data[2:])
        if whole is None:
            return self._made(data, table, source, option, keep=False)
        if not option:
            return data[:2] + whole[0], whole[1], None
        reply = data[:2] + whole[0][:-2] + _COOKIE_LENGTH + option
        return None if len(reply) > whole[2] else (reply, whole[1], None)

    def _made(
        self, data: bytes, table: AnswerTable, source: DrawSource, option: bytes = b"", *, keep: bool = True
    ) -> Shortcut | None:
        """The reply, made from a finished answer; `option` goes into its OPT."""
        variant = _VARIANTS.get(data[2:12])
        if variant is None:
            return None
        end = data.find(0, 12) + 5
        ending = self._opts.get(data[end:])
        if ending is None or (variant > 1) is not (ending[0] != b""):
            return None
        question = data[12 : end - 4].lower() + data[end - 4 : end]
        finished = table.kept.get(question)
        if finished is None:
            return self._by_zone(data, question, variant, ending, table, option, keep=keep)
        outcome = None
        record = b""
        if finished.draw is not None:
            draw = table.draws[finished.draw]
            outcome = draw.pick_one(source)
            if outcome is None:
                return None
            record = outcome.record
            option += draw.error
        opt = _opt_with(ending[0], option) if option else ending[0]
        reply = b"".join((data[:2], finished.heads[variant], data[12:end], finished.tail, finished.owner, record, opt))
        if len(reply) > ending[1]:
            return None
        if keep and outcome is None and data.startswith(question, 12):
            self._keep_whole(data, (reply[2:], finished, ending[1], question))
        return reply, finished, outcome

    def _by_zone(
        self,
        data: bytes,
        question: bytes,
        variant: int,
        ending: _Ending,
        table: AnswerTable,
        option: bytes,
        *,
        keep: bool,
    ) -> Shortcut | None:
        """The reply to a question that alone does not tell its answer: the zone is signed, or the name not there."""
        qname = question[:-4]
        zone = _zone_of(qname, table)
        if zone is None or question[-2:] != _CLASS_IN:
            return None
        end = 12 + len(question)
        opt, limit, dnssec_ok = ending
        if option:
            opt = _opt_with(opt, option)
        if zone.signing is not None:
            key = question + (WITH_DO if dnssec_ok else WITHOUT_DO)
            finished = table.kept.get(key)
            if finished is not None:
                reply = b"".join((data[:2], finished.heads[variant], data[12:end], finished.tail, opt))
                if keep and len(reply) <= limit and data.startswith(question, 12):
                    self._keep_whole(data, (reply[2:], finished, limit, key))
                return None if len(reply) > limit else (reply, finished, None)
            if dnssec_ok and limit == PLAIN_UDP_SIZE:  # what it takes to deny a name hardly ever fits into that
                return None
            if dnssec_ok:
                return _signed_nxdomain(data, end, qname, variant, zone, opt, limit)
        finished = zone.finished_nxdomain(qname, question[-4] << 8 | question[-3])
        if finished is None:
            return None
        # There are too many such names to keep their answers, and under a random-subdomain attack they are nearly all
        # there is.
        tail = zone.nxdomain_tail.fill(b"", POINTERS[end - 4 - len(zone.apex)])
        reply = b"".join((data[:2], finished.heads[variant], data[12:end], tail, opt))
        return None if len(reply) > limit else (reply, finished, None)

    def _turn_to(self, table: AnswerTable) -> None:
        """Keep the whole replies that were made from what a table keeps."""
        kept = self._kept = table.kept
        self._whole = {query: whole for query, whole in self._whole.items() if kept.get(whole[3]) is whole[1]}

    def _keep_whole(self, data: bytes, whole: _Whole) -> None:
        """Keep the reply to a query that was asked in lower case; random case would only fill the memory."""
        if len(self._whole) >= _MAX_WHOLE:
            self._whole.clear()
        self._whole[data[2:]] = whole


def _signed_nxdomain(
    data: bytes, end: int, qname: bytes, variant: int, zone: ZoneTable, opt: bytes, limit: int
) -> Shortcut | None:
    """The reply to a name that a signed zone does not have, with what shows that; the question ends at `end`."""
    found = zone.signed_nxdomain(qname, data[end - 4] << 8 | data[end - 3])
    if found is None:
        return None
    finished, proof = found
    apex = end - 4 - len(zone.apex)
    tail = zone.signed_negative(POINTERS[apex])
    pieces = [data[:2], finished.heads[variant], data[12:end], tail]
    offset = end + len(tail)
    for link in proof:
        pieces.append(link.fill_at(apex, offset))
        offset += len(pieces[-1])
    pieces.append(opt)
    return None if offset + len(opt) > limit else (b"".join(pieces), finished, None)


def _opt_with(opt: bytes, options: bytes) -> bytes:
    """An OPT without options, if any, with these."""
    return opt[:-2] + len(options).to_bytes(2, "big") + options if opt else b""


def _zone_of(qname: bytes, table: AnswerTable) -> ZoneTable | None:
    """The deepest zone above a name, not the root; None where there is none, or the octets are not one whole name."""
    apex = None
    zones, lengths = table.zones, table.apex_lengths
    position, last = 0, len(qname) - 1
    if last > FEW_LABELS_OCTETS:
        position = label_at(qname, last + 1 - table.longest_apex)
    while position < last:
        if last + 1 - position in lengths and apex is None and qname[position:] in zones:
            apex = qname[position:]
        length = qname[position]
        if length > 63:
            return None
        position += 1 + length
    return zones[apex] if apex is not None and position == last and last < MAX_NAME_OCTETS else None

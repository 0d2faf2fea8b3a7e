"""The walk through a zone: from the question name along CNAMEs and DNAMEs to the end of the chain.

A chain goes on within its zone for at most MAX_STEPS CNAMEs and DNAMEs, or until it comes to a name a second time; then
what was found is the answer.
"""

from collections.abc import Iterator
from itertools import dropwhile

from gslb.answer.compile import ZoneTable
from gslb.answer.draft import Draft
from gslb.answer.draws import Draw, DrawSource
from gslb.answer.segments import ADDITIONAL, Answer, Segment
from gslb.answer.table import AnswerTable
from gslb.wire.codes import Rcode, RRType
from gslb.wire.names import Name
from gslb.zone.steered import SteeredKey

MAX_STEPS = 8
_CNAME_IS_ANSWER = (RRType.CNAME, RRType.ANY)


def walk(qname: Name, qtype: int, draft: Draft, zone: ZoneTable, table: AnswerTable, source: DrawSource) -> None:
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


def _take(draw: Draw, key: SteeredKey, draft: Draft, zone: ZoneTable, source: DrawSource) -> Name | None:
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

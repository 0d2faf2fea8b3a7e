"""The walk through a zone: from the question name along CNAMEs and DNAMEs to the end of the chain.

A chain goes on within its zone for at most MAX_STEPS CNAMEs and DNAMEs, or until it comes to a name a second time; then
what was found is the answer.
"""

from gslb.answer.bundle import Bundle
from gslb.answer.compile import Renaming, Upwards, ZoneTable
from gslb.answer.draft import Draft
from gslb.answer.draws import Draw, DrawSource
from gslb.answer.leg import Leg, Legs, repeating
from gslb.answer.segments import ADDITIONAL, Answer, Segment, without_dname
from gslb.answer.table import AnswerTable
from gslb.wire.codes import Rcode, RRType
from gslb.wire.names import Name
from gslb.zone.lookup import Alias, NxDomain, Outcome, Redirection
from gslb.zone.steered import SteeredKey

MAX_STEPS = 8
_FEW = 3
"""So many segments are as quickly added by themselves."""
_CNAME_IS_ANSWER = (RRType.CNAME, RRType.ANY)


def walk(qname: Name, qtype: int, draft: Draft, zone: ZoneTable, table: AnswerTable, source: DrawSource) -> None:
    """Follow the chain from the question name to its end, a name seen before, or MAX_STEPS. A DNAME that leads on more
    than once is sent once: a reply holds no rrset twice (RFC 2181 section 5)."""
    path = _Path(qtype, draft, zone)
    name: Name | None = qname
    while name is not None and name not in path.seen and len(path.seen) <= MAX_STEPS:
        if path.seen:
            draft.follow(name)
        path.seen.add(name)
        following = None
        answer = path.known_end()
        if answer is None:
            outcome = zone.lookup(name, qtype)
            if isinstance(outcome, NxDomain) and path.is_anywhere:
                path.deny(outcome, name)
                break
            following = path.onward(outcome, name, table.legs) if isinstance(outcome, Alias | Redirection) else None
            answer = path.answer(outcome, name) if following is None else None
        if answer is not None:
            path.step(answer)
            following = answer.next
            if answer.draw is not None:
                following = _take(table.draws[answer.draw], answer.draw, draft, zone, source)
                # A CNAME that is asked for is the answer, and no step on the way (RFC 1034 section 3.6.2).
                following = None if qtype in _CNAME_IS_ANSWER else following
        name = following
    draft.prove()
    for segment in path.additional:
        draft.add(segment)


class _Path:
    """What is behind: the names, and the DNAMEs that were sent. `additional` comes behind the proof."""

    def __init__(self, qtype: int, draft: Draft, zone: ZoneTable) -> None:
        self.seen: set[Name] = set()
        self.additional: list[Segment | Bundle] = []
        self._dnames: set[Name] = set()
        self._qtype = qtype
        self._draft = draft
        self._zone = zone
        self._leg: Leg | None = None

    @property
    def is_anywhere(self) -> bool:
        """Whether the name is not where a leg always leads, so that others are likely to come."""
        return self._leg is None

    def deny(self, outcome: NxDomain, name: Name) -> None:
        """Say that there is no such name."""
        draft, zone = self._draft, self._zone
        draft.rcode = Rcode.NXDOMAIN
        draft.lasting = False
        if not draft.signed or zone.signed_denial is None:
            draft.add(zone.nxdomain.segments[0])
            return
        draft.add(zone.signed_denial)
        if not draft.is_full:
            draft.show(zone.proof(outcome, name))

    def known_end(self) -> Answer | None:
        """The answer at the name where a leg has just led, if it was given before."""
        return None if self._leg is None else self._leg.ends.get(self._qtype)

    def answer(self, outcome: Outcome, name: Name) -> Answer:
        """The answer at a name that was looked up."""
        draft = self._draft
        answer = self._zone.answer_to(outcome, name, self._qtype, signed=draft.signed and not draft.is_full)
        if self._leg is not None and not draft.is_full:
            self._leg.keep_end(self._qtype, answer)
        return answer

    def step(self, answer: Answer) -> None:
        """Add the answer at a name."""
        draft = self._draft
        self._leg = None
        if len(self.seen) == 1:
            draft.authoritative = answer.authoritative
        for segment in self._segments(answer):
            if segment.section == ADDITIONAL and draft.signed:
                self.additional.append(segment)
            else:
                draft.add(segment)
        draft.show(answer.proof)
        draft.rcode = answer.rcode
        draft.lasting = draft.lasting and answer.exact

    def _segments(self, answer: Answer) -> tuple[Segment | Bundle, ...]:
        """Those of an answer that are to be sent."""
        if answer.dname is None:
            return self._zone.bundles(answer.segments) if len(answer.segments) > _FEW else answer.segments
        if answer.dname in self._dnames:
            return without_dname(answer)
        self._dnames.add(answer.dname)
        return answer.segments

    def onward(self, outcome: Alias | Redirection, name: Name, legs: Legs) -> Name | None:
        """Go on from a name by a shorter way than `step`, and give where that leads; None where there is none."""
        self._leg = None
        following = self._along_leg(outcome, name, legs) if outcome.rrset.owner not in self._dnames else None
        return self._renamed(outcome, name) if following is None and isinstance(outcome, Redirection) else following

    def _renamed(self, outcome: Redirection, name: Name) -> Name | None:
        """One DNAME, where it leads on within the zone, and all that lead on from there to the same name."""
        draft, owner, target = self._draft, outcome.rrset.owner, outcome.target
        renaming = self._zone.renaming(outcome.rrset, signed=draft.signed)
        if target is None or not renaming.stays or renaming.endless or self._qtype == RRType.CNAME:
            return None
        draft.rcode = Rcode.NOERROR
        draft.lasting = False
        following = self._upwards(name, renaming.target) if outcome.taken else None
        if following is not None:
            return following
        if owner not in self._dnames:
            self._dnames.add(owner)
            for segment in renaming.segments:
                draft.add(segment)
        draft.add_alias(outcome.rrset.ttl_seconds, target)
        return target

    def _upwards(self, name: Name, above: Name) -> Name | None:
        """Several steps from a name by DNAMEs that lead to the same name above them, by turns."""
        draft, seen = self._draft, self.seen
        before = name[: -len(above)]
        steps = _taken_away(before, self._zone.upwards(above, signed=draft.signed), MAX_STEPS + 2 - len(seen))
        if len(steps) < 2:
            return None
        names = [before[:octets] + above for octets, _ in steps]
        if not seen.isdisjoint(names[:-1]):
            return None
        sent = self._dnames.copy()
        if not draft.add_renamings(before, above, steps, sent):
            return None
        self._dnames = sent
        seen.update(names[:-1])
        return names[-1]

    def _along_leg(self, outcome: Alias | Redirection, name: Name, legs: Legs) -> Name | None:
        draft, zone = self._draft, self._zone
        most = MAX_STEPS + 2 - len(self.seen)
        begin, prefix = outcome.rrset.owner, b""
        if isinstance(outcome, Redirection):
            if outcome.taken:
                begin = repeating(name, begin, outcome.taken, most)
            prefix = name[: -len(begin)]
        leg = legs.of(outcome, begin, zone, most, signed=draft.signed)
        if leg is None or self._qtype in leg.answered or not self._dnames.isdisjoint(leg.dnames):
            return None
        names = [prefix + each for each in leg.names]
        steps = leg.possible(names, self.seen)
        if steps < len(names):
            leg = legs.of(outcome, begin, zone, steps, signed=draft.signed)
        if leg is None or not draft.can_take(leg, len(prefix)):
            return None
        if draft.signed and isinstance(outcome, Alias):
            draft.show(zone.proof(outcome, name))
        draft.lasting = draft.lasting and leg.exact and name == outcome.rrset.owner
        draft.take(leg, prefix)
        draft.rcode = Rcode.NOERROR
        self.seen.update(names[: steps - 1])
        self._dnames |= leg.dnames
        self._leg = None if prefix else leg
        return names[steps - 1]


def _taken_away(before: bytes, known: Upwards, most: int) -> list[tuple[int, Renaming]]:
    """How DNAMEs that lead to one name rename a name below it, which has these labels before: the octets that each
    leaves of them, and which it is. At most so many, and as long as something is left."""
    steps: list[tuple[int, Renaming]] = []
    begins = []
    begin, end = 0, len(before)
    while begin < end:
        begins.append(begin)
        begin += 1 + before[begin]
    taken, octets = known
    for begin in begins[:0:-1]:
        renaming = taken.get(before[begin:end])
        if renaming is not None:
            steps.append((begin, renaming))
            end = begin
            if len(steps) == most:
                break
        elif end - begin > octets:
            break
    return steps


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
        draft.clear()
        draft.outcomes = ()
        draft.authoritative = False
    else:
        draft.add(zone.negative(draw.selection.steered.rrset.ttl_seconds))
    return None

"""Where in a zone an answer comes from, in words: the name itself, a wildcard, a CNAME, a DNAME above, a zone cut.

One sentence per outcome of the lookup. Pure.
"""

from dataclasses import dataclass

from gslb.answer.compile import ZoneTable
from gslb.answer.walk import MAX_STEPS
from gslb.wire.codes import RRType, type_to_text
from gslb.wire.names import Name, is_at_or_below, name_to_text
from gslb.wire.rdata import alias_target
from gslb.zone.lookup import Alias, Found, NoData, Node, NxDomain, Redirection, Referral

END_OF_LOOP = "; but that was met before: the chain runs in a circle, and ends here"
END_OF_CHAIN = f"; but a chain ends after {MAX_STEPS} steps"


@dataclass(frozen=True, slots=True)
class FoundAt:
    """`kind`: static, alias, dname, referral, nodata or nxdomain. `owner` is the name in the zone that decides: the
    name itself, a wildcard `*.x.`, a DNAME's or a zone cut's owner, or the closest encloser of a name that is not
    there. `why` is for people."""

    kind: str
    owner: str
    why: str


def found_at(zone: ZoneTable, name: Name, qtype: int) -> FoundAt:
    """Where the answer to a canonical name of the zone comes from."""
    outcome, closest = zone.outcome(name, qtype)
    if isinstance(outcome, Found):
        return FoundAt("static", name_to_text(outcome.node.name), _place(outcome.node, name) + _any(qtype))
    if isinstance(outcome, Alias):
        return _alias(outcome, name, zone)
    if isinstance(outcome, Redirection):
        return _redirected(outcome, zone, qtype)
    if isinstance(outcome, Referral):
        cut = name_to_text(outcome.node.name)
        return FoundAt("referral", cut, f"the zone cut {cut}: a referral to the child's servers, which resolvers ask")
    if isinstance(outcome, NoData):
        return _nodata(closest, name, qtype)
    assert isinstance(outcome, NxDomain)
    why = f"no such name (nxdomain): the closest that exists is {name_to_text(closest.name)}, and it has no wildcard"
    return FoundAt("nxdomain", name_to_text(closest.name), why)


def _alias(outcome: Alias, name: Name, zone: ZoneTable) -> FoundAt:
    why = _place(outcome.node, name)
    if (outcome.node.name, int(RRType.CNAME)) in zone.zone.steered:  # where it leads is drawn
        why += ": a CNAME that is drawn"
    else:
        why += f": a CNAME to {_leads_to(alias_target(outcome.rrset.rdatas[0]), zone)}"
    return FoundAt("alias", name_to_text(outcome.node.name), why)


def _place(node: Node, name: Name) -> str:
    if node.name == name:
        return "exact match"
    return f"the wildcard {name_to_text(node.name)}, for there is no such name"


def _any(qtype: int) -> str:
    return ": one rrset of our choice (RFC 8482)" if qtype == RRType.ANY else ""


def _leads_to(following: Name, zone: ZoneTable) -> str:
    text = name_to_text(following)
    if is_at_or_below(following, zone.apex):
        return f"{text}, where the search goes on"
    return f"{text}, which is not in this zone: resolvers ask for it themselves"


def _redirected(outcome: Redirection, zone: ZoneTable, qtype: int) -> FoundAt:
    owner = name_to_text(outcome.rrset.owner)
    if outcome.target is None:
        return FoundAt("dname", owner, f"below the DNAME {owner}, and too long once renamed (YXDOMAIN)")
    if is_at_or_below(alias_target(outcome.rrset.rdatas[0]), outcome.rrset.owner):
        where = f"{name_to_text(outcome.target)}, and so on without end, for the DNAME leads below itself"
        return FoundAt("dname", owner, f"below the DNAME {owner}: renamed to {where}")
    if qtype == RRType.CNAME:
        said = f"below the DNAME {owner}: a CNAME to {name_to_text(outcome.target)} is made of it, and is the answer"
        return FoundAt("dname", owner, said)
    return FoundAt("dname", owner, f"below the DNAME {owner}: renamed to {_leads_to(outcome.target, zone)}")


def _nodata(closest: Node, name: Name, qtype: int) -> FoundAt:
    node = closest if closest.name == name or closest.wildcard is None else closest.wildcard
    if not node.rrsets:
        return FoundAt("nodata", name_to_text(node.name), "nothing stands at this name, only below it (nodata)")
    has = ", ".join(type_to_text(rtype) for rtype in sorted(node.rrsets))
    why = f"{_place(node, name)}: it has {has}, but no {type_to_text(qtype)} (nodata)"
    return FoundAt("nodata", name_to_text(node.name), why)

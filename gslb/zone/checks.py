"""What is wrong with the data of a zone, as far as the zone itself can tell.

Each check takes the zone and yields findings; `check_zone` runs them all. An error makes the zone unusable; a
warning is served as it stands: what leaves the rest of the zone sound, and what other name servers load. A finding
names its owner and type, and the pool where it is about one, so that the reader of a file can say on which line that
was written. `is_absence` marks findings about something that is not there: a reader that could not read every record
leaves them out, since the missing one may be just what it could not read. What a signed zone has to be is in
`zone.completeness`.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from gslb.wire.codes import RRType, type_to_text
from gslb.wire.names import (
    MAX_NAME_OCTETS,
    WILDCARD_LABEL,
    Name,
    ancestors,
    is_at_or_below,
    is_wildcard,
    name_to_text,
    parent,
)
from gslb.wire.rdata import alias_target, rdata_to_text, target, type_of_key
from gslb.zone.denial import is_hashed_owner
from gslb.zone.finding import Finding
from gslb.zone.rrset import RRset
from gslb.zone.steered import Pool, Steered
from gslb.zone.zone import Zone

MAX_TTL = 2**31 - 1
TTL_OCTETS_HOLD = 2**32 - 1
RESERVED_LABEL = b"\x05_gslb"
STEERABLE = {RRType.A, RRType.AAAA, RRType.CNAME}
MAX_WEIGHT = 1000
_MAX_RRSET_OCTETS = 64_000
_ADDRESSES = {RRType.A, RRType.AAAA}
_AT_A_CUT = {RRType.NS, RRType.DS, RRType.NSEC, RRType.RRSIG, RRType.DNAME}  # a DNAME is told by itself
_BESIDE_A_CNAME = {RRType.CNAME, RRType.NSEC, RRType.RRSIG}  # RFC 4034 section 3


def check_zone(zone: Zone) -> list[Finding]:
    """Every finding of every check. The zone may lack its SOA or hold anything else that is wrong."""
    return [finding for check in CHECKS for finding in check(zone)]


def _warning(owner: Name, rtype: int | None, message: str) -> Finding:
    return Finding(owner, rtype, message, is_error=False)


def _each(zone: Zone) -> Iterator[RRset]:
    for types in zone.rrsets.values():
        yield from types.values()


def _check_apex(zone: Zone) -> Iterator[Finding]:
    at_apex = zone.rrsets.get(zone.apex, {})
    if len(RESERVED_LABEL + zone.apex) > MAX_NAME_OCTETS:
        said = f"the zone's name is longer than {MAX_NAME_OCTETS - len(RESERVED_LABEL)} octets, which leaves no room"
        yield Finding(zone.apex, None, f"{said} for the names below it that are reserved for the cluster")
    soa = at_apex.get(RRType.SOA)
    if soa is None:
        said = f"the zone has no SOA record at its apex {name_to_text(zone.apex)}"
        yield Finding(zone.apex, RRType.SOA, said, is_absence=True)
    if RRType.NS not in at_apex:
        yield Finding(zone.apex, RRType.NS, no_nameservers(zone.apex), is_error=False, is_absence=True)
    if soa is not None and len(soa.rdatas) > 1:
        yield Finding(zone.apex, RRType.SOA, "the zone has more than one SOA record; it has exactly one")


def no_nameservers(apex: Name) -> str:
    """What is said of a zone without NS records."""
    said = f"the zone has no NS record at its apex {name_to_text(apex)}; add its name servers there, or `nameservers:`"
    return f"{said} to gslb.yaml: resolvers that ask for them find none"


def taken_as_zero(ttl_seconds: int) -> str | None:
    """What is said of a TTL that its octets hold, but that everybody takes as 0 (RFC 2181 section 8); None for any
    other."""
    if not MAX_TTL < ttl_seconds <= TTL_OCTETS_HOLD:
        return None
    said = f"the TTL {ttl_seconds} is above {MAX_TTL} seconds, which means 0 (RFC 2181 section 8), so nothing is cached"
    return f"{said}; write {MAX_TTL} or less"


def _check_owners(zone: Zone) -> Iterator[Finding]:
    reserved = RESERVED_LABEL + zone.apex
    for owner, types in zone.rrsets.items():
        if not is_at_or_below(owner, zone.apex):
            yield Finding(owner, None, f"{name_to_text(owner)} is outside the zone {name_to_text(zone.apex)}")
        elif is_at_or_below(owner, reserved):
            said = f"names at and below {name_to_text(reserved)} are reserved for the cluster; use another name"
            yield Finding(owner, None, said)
        if RRType.SOA in types and owner != zone.apex:
            yield Finding(owner, RRType.SOA, "a SOA record stands at the apex only")


def _check_rrsets(zone: Zone) -> Iterator[Finding]:
    for rrset in _each(zone):
        if not 0 <= rrset.ttl_seconds <= MAX_TTL:
            said = f"the TTL {rrset.ttl_seconds} is not between 0 and {MAX_TTL} seconds (RFC 2181 section 8)"
            yield Finding(rrset.owner, rrset.rtype, said)
        if len(set(rrset.rdatas)) < len(rrset.rdatas):
            yield Finding(rrset.owner, rrset.rtype, "a value is there twice; write each one once")
        if sum(len(rdata) + 12 for rdata in rrset.rdatas) > _MAX_RRSET_OCTETS:
            yield Finding(rrset.owner, rrset.rtype, "the records together do not fit into a DNS message of 64 KiB")


def _check_cnames(zone: Zone) -> Iterator[Finding]:
    for owner, types in zone.rrsets.items():
        alias = types.get(RRType.CNAME)
        if alias is None:
            continue
        others = {type_to_text(type_of_key(key)) for key in types if type_of_key(key) not in _BESIDE_A_CNAME}
        if others:
            said = f"a CNAME stands alone (RFC 1034 section 3.6.2), but there is also {', '.join(sorted(others))}"
            yield Finding(owner, RRType.CNAME, said)
        if len(alias.rdatas) > 1:
            said = "a CNAME has one value; to choose among several write `dynamic:` pools"
            yield Finding(owner, RRType.CNAME, said)
        if _loops(zone, owner):
            said = "the CNAMEs starting here lead back to themselves, so that nothing is ever found"
            yield _warning(owner, RRType.CNAME, said)


def _loops(zone: Zone, owner: Name) -> bool:
    seen, at = {owner}, owner
    while (alias := zone.rrsets.get(at, {}).get(RRType.CNAME)) is not None:
        at = alias_target(alias.rdatas[0])
        if at == owner:
            return True
        if at in seen:
            return False  # a loop further on, which is told where it is
        seen.add(at)
    return False


def _check_dnames(zone: Zone) -> Iterator[Finding]:
    dnames = {owner for owner, types in zone.rrsets.items() if RRType.DNAME in types}
    if not dnames:
        return
    effective = dnames - zone_cuts(zone)
    for owner, types in zone.rrsets.items():
        above = next((name for name in ancestors(owner) if name in effective and name != owner), None)
        if above is not None and not is_hashed_owner(types):
            said = f"never answered: the DNAME at {name_to_text(above)} takes the place of all below it"
            for rtype in {type_of_key(key) for key in types}:
                yield _warning(owner, rtype, f"{said} (RFC 6672 section 2.4)")
    for owner in dnames:
        if len(zone.rrsets[owner][RRType.DNAME].rdatas) > 1:
            yield Finding(owner, RRType.DNAME, "a DNAME has one value (RFC 6672 section 2.4)")
        if RRType.NS in zone.rrsets[owner] and owner != zone.apex:
            said = "a DNAME cannot stand at a zone cut (RFC 6672 section 2.4), and is never answered: remove it, or the"
            yield _warning(owner, RRType.DNAME, f"{said} NS records that delegate {name_to_text(owner)}")


def zone_cuts(zone: Zone) -> set[Name]:
    """The owners below the apex that have NS records."""
    return {owner for owner, types in zone.rrsets.items() if RRType.NS in types and owner != zone.apex}


def _check_below_cuts(zone: Zone) -> Iterator[Finding]:
    cuts = zone_cuts(zone)
    if not cuts:
        return
    glue = {target(RRType.NS, rdata) for cut in cuts for rdata in zone.rrsets[cut][RRType.NS].rdatas}
    for owner, types in zone.rrsets.items():
        cut = next((name for name in ancestors(owner) if name in cuts), None)
        if cut is None:
            continue
        for rtype in {type_of_key(key) for key in types}:
            if (owner == cut and rtype in _AT_A_CUT) or (owner in glue and rtype in _ADDRESSES):
                continue
            said = f"never answered: {name_to_text(cut)} is delegated to other servers by its NS records"
            yield _warning(owner, rtype, said)


def _check_delegation_signers(zone: Zone) -> Iterator[Finding]:
    for owner, types in zone.rrsets.items():
        if RRType.DS in types and (RRType.NS not in types or owner == zone.apex):
            yield _warning(owner, RRType.DS, "a DS record belongs beside the NS records of a delegation")


def _check_wildcards(zone: Zone) -> Iterator[Finding]:
    for owner, types in zone.rrsets.items():
        if is_wildcard(owner):
            for rtype in types:
                if rtype in {RRType.NS, RRType.DNAME}:
                    said = f"a wildcard {type_to_text(rtype)} has no defined meaning (RFC 4592 section 4)"
                    yield _warning(owner, rtype, said)


def _check_nameservers(zone: Zone) -> Iterator[Finding]:
    cuts = zone_cuts(zone)
    for owner in [zone.apex, *cuts]:
        rrset = zone.rrsets.get(owner, {}).get(RRType.NS)
        for rdata in rrset.rdatas if rrset else ():
            yield from _check_nameserver(zone, cuts, owner, target(RRType.NS, rdata) or b"")


def _check_nameserver(zone: Zone, cuts: set[Name], owner: Name, server: Name) -> Iterator[Finding]:
    """A name server inside the zone needs its addresses here: as glue when it lies below the delegation itself."""
    if not is_at_or_below(server, zone.apex):
        return
    shown = name_to_text(server)
    types = _types_at(zone, server)
    if RRType.CNAME in types:
        said = f"the name server {shown} is a CNAME, which resolvers need not follow; give it addresses of its own"
        yield _warning(owner, RRType.NS, f"{said} (RFC 2181 section 10.3)")
        return
    if _ADDRESSES & set(types):
        return
    cut = next((name for name in ancestors(server) if name in cuts), None)
    if cut is None:
        said = f"the name server {shown} has no address; add an A or AAAA record for it, or nobody can ask it"
        yield Finding(owner, RRType.NS, said, is_error=False, is_absence=True)
    elif cut == owner:
        said = f"missing glue: {shown} lies below this delegation; add its A or AAAA record"
        yield Finding(owner, RRType.NS, said, is_error=False, is_absence=True)


def _types_at(zone: Zone, name: Name) -> set[int]:
    """The types that a query for `name` can find: its own, or those of the wildcard at the closest encloser."""
    if name in zone.rrsets:
        return set(zone.rrsets[name])
    for above in ancestors(parent(name)):
        wildcard = WILDCARD_LABEL + above
        if wildcard in zone.rrsets:
            return set(zone.rrsets[wildcard])
        if above in zone.rrsets or above == zone.apex or not above[0]:
            return set()
    return set()


def _check_targets(zone: Zone) -> Iterator[Finding]:
    """MX and SRV targets, and the targets of CNAMEs, inside the zone."""
    cuts = zone_cuts(zone)
    for rrset in _each(zone):
        if rrset.rtype not in {RRType.MX, RRType.SRV, RRType.CNAME}:
            continue
        for rdata in rrset.rdatas:
            name = alias_target(rdata) if rrset.rtype == RRType.CNAME else target(rrset.rtype, rdata)
            if name and is_at_or_below(name, zone.apex) and not any(above in cuts for above in ancestors(name)):
                yield from _check_target(zone, rrset, name)


def _check_target(zone: Zone, rrset: RRset, name: Name) -> Iterator[Finding]:
    types = _types_at(zone, name)
    kind = type_to_text(rrset.rtype)
    if RRType.CNAME in types and rrset.rtype != RRType.CNAME:
        said = f"the {kind} target {name_to_text(name)} is a CNAME; name the host itself (RFC 2181 section 10.3)"
        yield _warning(rrset.owner, rrset.rtype, said)
    elif not types and not _renamed_above(zone, name):
        yield _warning(rrset.owner, rrset.rtype, f"the {kind} target {name_to_text(name)} does not exist in this zone")


def _renamed_above(zone: Zone, name: Name) -> bool:
    """True when a DNAME above `name` leads elsewhere."""
    return any(RRType.DNAME in zone.rrsets.get(above, {}) for above in ancestors(parent(name)))


def check_steered(zone: Zone) -> Iterator[Finding]:
    """The check of what is steered, by itself: a zone that was transferred leaves out just what it finds wrong."""
    if not zone.steered:
        return
    cuts = zone_cuts(zone)
    dnames = {owner for owner, types in zone.rrsets.items() if RRType.DNAME in types}
    for steered in zone.steered.values():
        owner, rtype = steered.key
        if rtype not in STEERABLE:
            yield Finding(owner, rtype, f"{type_to_text(rtype)} cannot be steered; A, AAAA and CNAME can")
        for above in ancestors(owner):
            if above in cuts or above in dnames:
                what = "delegated to other servers" if above in cuts else "renamed by a DNAME"
                yield Finding(owner, rtype, f"cannot be steered here: {name_to_text(above)} is {what}")
        if rtype == RRType.CNAME and steered.answers != 1:
            yield Finding(owner, rtype, "a steered CNAME has `answers: 1`; a name has one alias at a time")
        if steered.answers < 1:
            yield Finding(owner, rtype, "`answers` must be at least 1")
        yield from _check_pools(steered)


def _check_pools(steered: Steered) -> Iterator[Finding]:
    owner, rtype = steered.key
    names = {pool.name for pool in steered.pools}
    used = {rule.pool for rule in steered.rules}
    if not steered.rules:
        yield Finding(owner, rtype, "no rule says which pool answers")
    for name in sorted(used - names):
        yield Finding(owner, rtype, f"a rule names the pool {name!r}, which is not defined")
    for pool in steered.pools:
        if pool.fallback is not None and pool.fallback not in names:
            said = f"the fallback {pool.fallback!r} is not defined; pools: {', '.join(sorted(names))}"
            yield Finding(owner, rtype, said, pool=pool.name)
        if _falls_back_to_itself(steered, pool):
            yield Finding(owner, rtype, "the fallbacks starting here lead back to this pool", pool=pool.name)
        if pool.name not in used | {other.fallback for other in steered.pools if other is not pool}:
            yield Finding(owner, rtype, "no rule and no fallback uses this pool; remove it", pool=pool.name)
        yield from _check_pool(steered, pool)


def _falls_back_to_itself(steered: Steered, pool: Pool) -> bool:
    by_name = {other.name: other for other in steered.pools}
    seen: set[str] = set()
    name = pool.fallback
    while name is not None and name in by_name and name not in seen:
        if name == pool.name:
            return True
        seen.add(name)
        name = by_name[name].fallback
    return False


def _check_pool(steered: Steered, pool: Pool) -> Iterator[Finding]:
    owner, rtype = steered.key
    if not pool.members:
        yield Finding(owner, rtype, "the pool has no members", pool=pool.name)
    for value, count in Counter(member.value for member in pool.members).items():
        if count > 1:
            said = f"{rdata_to_text(rtype, value)} is in the pool twice; give it a higher weight instead"
            yield Finding(owner, rtype, said, pool=pool.name)
    if any(not 0 <= member.weight <= MAX_WEIGHT for member in pool.members):
        yield Finding(owner, rtype, f"weights go from 0 to {MAX_WEIGHT}", pool=pool.name)
    elif pool.members and not any(member.weight for member in pool.members):
        said = "every member has weight 0, so the pool answers only when nothing else can"
        yield Finding(owner, rtype, said, is_error=False, pool=pool.name)
    if not 0 <= pool.min_healthy <= 1:
        yield Finding(owner, rtype, "`min_healthy` is a fraction from 0 to 1", pool=pool.name)


CHECKS: tuple[Callable[[Zone], Iterator[Finding]], ...] = (
    _check_apex,
    _check_owners,
    _check_rrsets,
    _check_cnames,
    _check_dnames,
    _check_below_cuts,
    _check_delegation_signers,
    _check_wildcards,
    _check_nameservers,
    _check_targets,
    check_steered,
)

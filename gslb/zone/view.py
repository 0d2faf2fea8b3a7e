"""The two views of a zone under one serial: what a transfer carries, the journal stores and `zone.diff` compares.

The *plain* view has the rrsets as written; a steered owner has its `values`. It is all that a foreign secondary
needs. The *steering* view adds the reserved subtree of `zone.private`, from which a node of this kind makes the whole
zone again. A view is made of rrsets and nothing else: neither lookup nor answers know of the subtree, because they
work from a `Zone`, which never holds it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gslb.wire.codes import RRType, type_to_text
from gslb.wire.names import MAX_NAME_OCTETS, Name, name_to_text
from gslb.zone.checks import check_steered
from gslb.zone.private import (
    PLAIN_SERVED,
    PRIVATE_TYPE,
    PrivateReading,
    private_owners,
    private_rrsets,
    read_private,
    reserved_owner,
)
from gslb.zone.rrset import RRset
from gslb.zone.steered import Steered, SteeredKey
from gslb.zone.steered_text import SteeredTextError, steered_from_text
from gslb.zone.zone import Soa, Zone

View = Mapping[Name, Mapping[int, RRset]]
"""`view[owner][key]`: every rrset, the SOA at the apex included; the key is the type, but for signatures (see
`zone.rrset`). The order of owners and types says nothing."""

Objection = Callable[[Steered], str | None]
"""Why this node cannot steer so (`its policy 'x' is not known here`), or None when it can."""


def plain_view(zone: Zone) -> View:
    return zone.rrsets


def steering_view(zone: Zone) -> View:
    """The plain view with the marker and what steers the zone. An apex too long for names below it, which
    `zone.checks` refuses, has no room even for the marker: its steering view is its plain one."""
    if len(reserved_owner(zone.apex)) > MAX_NAME_OCTETS:
        return plain_view(zone)
    view = zone.copied_rrsets()
    for rrset in private_rrsets(zone.apex, zone.steered.values()):
        view[rrset.owner] = MappingProxyType({PRIVATE_TYPE: rrset})
    return MappingProxyType(view)


def has_marker(apex: Name, view: View) -> bool:
    """True for a steering view: one that a node of this kind sent in full."""
    return PRIVATE_TYPE in view.get(reserved_owner(apex), {})


def apex_of(view: View) -> Name:
    """The owner of the SOA. Raises `ValueError` when there is none."""
    for owner, types in view.items():
        if RRType.SOA in types:
            return owner
    raise ValueError("the records of a zone hold no SOA")


def soa_of(view: View, apex: Name) -> Soa:
    """Raises `KeyError` when there is none at `apex`."""
    return Soa.from_rdata(view[apex][RRType.SOA].rdatas[0])


def split(apex: Name, view: View) -> tuple[dict[Name, Mapping[int, RRset]], View]:
    """The plain part of a view, and its private one. A mapping proxy copies 20 times faster by its own method than by
    `dict`, and of private owners there are few."""
    plain = view.copy() if isinstance(view, MappingProxyType) else dict(view)
    return plain, {owner: plain.pop(owner) for owner in private_owners(view, apex)}


def without_private(view: View) -> View:
    """The plain part of a view."""
    return MappingProxyType(split(apex_of(view), view)[0])


def zone_from_view(apex: Name, view: View, objection: Objection) -> tuple[Zone, tuple[str, ...]]:
    """The zone that a view describes, and warnings. Steering that cannot be read, makes no sense, or to which
    `objection` objects leaves its owner to its plain values, with a warning; the rest of the zone is steered.

    The plain records are taken as they are: `zone.checks.check_zone` judges them.
    """
    plain, private = split(apex, view)
    steered, warnings = _read_steered(plain, read_private(apex, private), objection)
    zone = _with_steered(apex, plain, steered)
    wrong: dict[SteeredKey, str] = {}
    for finding in check_steered(zone):
        if finding.is_error and finding.rtype is not None:
            wrong.setdefault((finding.owner, finding.rtype), finding.message)
    if wrong:
        zone = _with_steered(apex, plain, {key: each for key, each in steered.items() if key not in wrong})
    refused = [_warning(owner, f"its steering is wrong: {said}", rtype) for (owner, rtype), said in wrong.items()]
    return zone, (*warnings, *refused)


def _with_steered(apex: Name, plain: dict[Name, Mapping[int, RRset]], steered: Mapping[SteeredKey, Steered]) -> Zone:
    """The zone, with the values of steered owners in the order in which they were written."""
    rrsets = plain.copy() if steered else plain
    for (owner, rtype), each in steered.items():
        rrsets[owner] = MappingProxyType({**rrsets[owner], rtype: each.rrset})
    return Zone(apex, MappingProxyType(rrsets), MappingProxyType(dict(steered)))


def _read_steered(
    plain: View, reading: PrivateReading, objection: Objection
) -> tuple[dict[SteeredKey, Steered], list[str]]:
    steered: dict[SteeredKey, Steered] = {}
    warnings = [f"{name_to_text(owner)}: {problem}" for owner, problem in reading.problems]
    for owner, text in reading.texts:
        try:
            each = steered_from_text(text, plain.get(owner, {}))
        except SteeredTextError as error:
            warnings.append(_warning(owner, f"its steering cannot be read: {error}"))
            continue
        problem = objection(each)
        if problem is not None:
            warnings.append(_warning(owner, problem, each.rrset.rtype))
        else:
            steered[each.key] = each
    return steered, warnings


def _warning(owner: Name, problem: str, rtype: int | None = None) -> str:
    name = name_to_text(owner) + (f" {type_to_text(rtype)}" if rtype is not None else "")
    return f"{name}: {problem}{PLAIN_SERVED}"

"""A zone while it is read: its records so far, and where each was written."""

from dataclasses import dataclass

from gslb.config.problems import Findings, Problem
from gslb.wire.codes import RRType
from gslb.wire.names import Name, name_to_text
from gslb.zone.builder import ZoneBuilder
from gslb.zone.checks import check_zone
from gslb.zone.completeness import check_signing, check_unsigned
from gslb.zone.finding import Finding
from gslb.zone.rrset import RRset
from gslb.zone.zone import Zone

NAMESERVER_TTL = 3600
"""The TTL of NS records that the node gives a zone, in seconds."""

_SIGN_A_MASTER_FILE = "leave it out, or serve the signed zone from a master file (.zone) or a primary"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written."""

    file: str
    line: int
    path: str


PlaceKey = tuple[Name, int, str | None]
"""Owner, type, and the pool's name where the place is a pool's."""


class Draft:
    """`places` says where each rrset and pool stands; `unread` has owners and types (None: any) that are written but
    could not be read, so that nothing is said to be missing that may be just that."""

    def __init__(self, apex: Name, file: str) -> None:
        self.apex = apex
        self.builder = ZoneBuilder(apex)
        self.file = file
        self.places: dict[PlaceKey, Place] = {}
        self.unread: set[tuple[Name, int | None]] = set()

    def give_nameservers(self, servers: tuple[Name, ...]) -> None:
        """Add NS records at the apex, unless some are written there."""
        if servers and (self.apex, int(RRType.NS), None) not in self.places:
            self.builder.add(RRset(self.apex, int(RRType.NS), NAMESERVER_TTL, servers))

    def finish(self, findings: Findings, *, may_be_signed: bool) -> Zone:
        """The zone, when neither reading nor the checks found a problem. Raises `ConfigError`."""
        zone = self.builder.build()
        all_was_read = not (self.unread or findings.problems)
        signing = check_signing(zone) if may_be_signed else check_unsigned(zone, _SIGN_A_MASTER_FILE)
        for finding in (*check_zone(zone), *signing):
            if all_was_read or not finding.is_absence:
                self._report(finding, findings)
        findings.raise_if_any()
        return zone

    def _report(self, finding: Finding, findings: Findings) -> None:
        place = self._place_of(finding)
        found = Problem(place.file, place.line, place.path, finding.message)
        (findings.problems if finding.is_error else findings.warnings).append(found)

    def _place_of(self, finding: Finding) -> Place:
        """The pool's place, else the rrset's, else that of any rrset of the owner, else the file as a whole."""
        rtype = finding.rtype
        if rtype is not None:
            for pool in (finding.pool, None):
                if (place := self.places.get((finding.owner, rtype, pool))) is not None:
                    return place
        of_owner = [place for (owner, _, pool), place in self.places.items() if owner == finding.owner and pool is None]
        if of_owner and rtype is None:
            return min(of_owner, key=lambda place: place.line)
        return Place(self.file, 1, name_to_text(finding.owner))

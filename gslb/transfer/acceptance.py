"""Which content a secondary takes from a primary, beyond what makes a stream well-formed.

- Records outside the zone are refused: a primary that sends them is set up wrongly.
- A signed zone has to be complete (`zone.completeness`): what it lacks would be bogus for every validating resolver.
  Nor can it be steered, for its signatures are of what was signed.
- From a gslb primary the marker must be there: without it somebody forgot `kind: gslb`, and taking the plain zone
  would turn steering off unseen.
- From a foreign primary the reserved subtree is refused, not dropped, for the same reason: steering that reaches us
  by way of another server says that `kind: gslb` was forgotten here.
"""

from dataclasses import dataclass, field

from gslb.config.peers import Kind
from gslb.transfer.faults import Fault, FaultError
from gslb.wire.codes import RRType, is_meta_type, type_to_text
from gslb.wire.names import Name, is_at_or_below, name_to_text
from gslb.wire.records import Record
from gslb.zone.indexing import Indexing
from gslb.zone.private import is_private, read_private, reserved_owner
from gslb.zone.signing import is_signed
from gslb.zone.view import View, has_marker, split
from gslb.zone.zone import Zone

_FINDINGS_TOLD = 3


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The rules for the zone at `apex` from a primary of this kind. `indexing` knows the version that is there."""

    apex: Name
    kind: Kind
    indexing: Indexing = field(default_factory=Indexing)

    def check_record(self, record: Record) -> None:
        """Judge a record that is to be in the zone. Raises `FaultError`."""
        if not is_at_or_below(record.owner, self.apex):
            raise FaultError(
                Fault.CONTENT,
                f"sent {name_to_text(record.owner)}, which lies outside {name_to_text(self.apex)}: "
                "correct the zone there",
            )
        if is_meta_type(record.rtype):
            raise FaultError(Fault.MALFORMED, f"sent a record of type {type_to_text(record.rtype)}, which no zone has")
        if self.kind == "foreign" and is_private(record.owner, self.apex):
            raise FaultError(
                Fault.CONTENT,
                f"sent steering records below {name_to_text(reserved_owner(self.apex))}, but is a foreign peer here: "
                "say `kind: gslb` for it if its steering is to be followed, or have it sent the plain zone",
            )

    def check_view(self, view: View) -> None:
        """Judge a whole zone, each record of which was judged; for a signed one this takes time proportional to its
        size, or to what changed since the version that is there. Raises `FaultError`."""
        types = view.get(self.apex, {})
        if RRType.SOA not in types or len(types[RRType.SOA].rdatas) != 1:
            raise FaultError(Fault.CONTENT, "the zone does not have one SOA record at its apex: correct it there")
        if self.kind == "gslb" and not has_marker(self.apex, view):
            raise FaultError(
                Fault.CONTENT,
                f"sent the zone without its steering (no marker at {name_to_text(reserved_owner(self.apex))}): "
                "there, make this node a peer of `kind: gslb` with its key; here, say `kind: foreign` if that server "
                "does not steer",
            )

        if is_signed(Zone(self.apex, view, {})):
            self._check_signed(view)

    def _check_signed(self, view: View) -> None:
        plain, private = split(self.apex, view)
        steering = read_private(self.apex, private)
        if steering.texts or steering.problems:
            raise FaultError(
                Fault.CONTENT,
                "sent a signed zone that is steered, and signatures are of one answer and not of a draw: leave it "
                "unsigned there, or leave out its steering",
            )
        findings = self.indexing.check_signing(Zone(self.apex, plain, {}))
        if findings:
            told = "; ".join(
                f"{name_to_text(finding.owner)}: {finding.message}" for finding in findings[:_FINDINGS_TOLD]
            )
            more = f"; and {len(findings) - _FINDINGS_TOLD} more" if len(findings) > _FINDINGS_TOLD else ""
            raise FaultError(Fault.CONTENT, f"sent a signed zone that is not complete: {told}{more}")

    def can_build_on(self, view: View) -> bool:
        """True when differences may be applied to `view`: it came from a primary of the same kind."""
        return has_marker(self.apex, view) == (self.kind == "gslb")

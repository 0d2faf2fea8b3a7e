"""Where a name stands in a zone: the algorithm of RFC 1034 section 4.3.2 over an index of its names.

The index has a node for every owner, and every empty non-terminal between an owner and the apex; owners that are but
hashes of NSEC3 are none (RFC 5155 section 7.2.8). Each node knows what veils it: the topmost zone cut at or above it,
or DNAME above it (RFC 6672 section 2.4); data under a veil is never answered. `lookup` gives a value, one of the
classes below; rendering it is `answer.compile`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gslb.wire.codes import RRType
from gslb.wire.names import FEW_LABELS_OCTETS, WILDCARD_LABEL, Name, is_below, label_at, parent
from gslb.wire.rdata import alias_target, is_signatures_key
from gslb.zone.denial import is_hashed_owner, without_nsec3
from gslb.zone.rrset import RRset
from gslb.zone.zone import Zone

NOT_LED_ON = frozenset({RRType.ANY, RRType.RRSIG, RRType.NSEC})
"""What is asked of a name itself, though it be an alias: data of these types may stand beside a CNAME (RFC 4034 section
3)."""


class Node:
    """A name that exists. `above` is the name above it that veils it, `veil_below` what veils the names below it;
    `is_cut`: it is a zone cut that nothing above veils; `children`: how many nodes are one label longer. Nodes refer to
    none but the wildcard below them, so the indexes of two versions share those of names where nothing changed. Where a
    node is the closest encloser of a name and `has_no_stand_in`, there is no such name. `renaming`: the DNAME that
    stands in for all names below, where it leads, and which labels it takes away (see `Redirection`)."""

    __slots__ = (
        "above",
        "children",
        "has_no_stand_in",
        "is_cut",
        "name",
        "renaming",
        "rrsets",
        "veil_below",
        "wildcard",
    )

    def __init__(self, name: Name, rrsets: Mapping[int, RRset], children: int = 0) -> None:
        self.name = name
        self.rrsets = rrsets
        self.children = children
        self.above: Name | None = None
        self.veil_below: Name | None = None
        self.is_cut = False
        self.wildcard: Node | None = None
        self.has_no_stand_in = False
        self.renaming: tuple[RRset, Name, bytes] | None = None

    @property
    def veil(self) -> Name | None:
        """The topmost zone cut at or above this name, or DNAME above it."""
        return self.name if self.is_cut else self.above

    def link(self, above: "Node | None", wildcard: "Node | None") -> None:
        """Take what follows from the node above, which is linked already (None at the apex), and the wildcard below."""
        veil = None if above is None else above.veil_below
        self.above, self.veil_below, self.renaming = veil, veil, None
        self.is_cut = veil is None and above is not None and RRType.NS in self.rrsets
        if self.is_cut:
            self.veil_below = self.name
        elif veil is not None and above is not None:
            self.renaming = above.renaming
        elif RRType.DNAME in self.rrsets:
            dname = self.rrsets[RRType.DNAME]
            target = alias_target(dname.rdatas[0])
            taken = self.name[: -len(target)] if is_below(self.name, target) else b""
            self.veil_below, self.renaming = self.name, (dname, target, taken)
        self.wildcard = wildcard
        self.has_no_stand_in = wildcard is None and self.veil_below is None


@dataclass(frozen=True, slots=True)
class Found:
    """An rrset answers; `node` is its owner, or the source of synthesis."""

    node: Node
    rrset: RRset


@dataclass(frozen=True, slots=True)
class Alias:
    """A CNAME stands there; the search goes on at its target."""

    node: Node
    rrset: RRset


class Redirection(NamedTuple):
    """A DNAME above: `target` is where the search goes on, None when it would be longer than 255 octets
    (YXDOMAIN). Where the DNAME leads to a name above its owner, `taken` are the labels of the owner before that."""

    rrset: RRset
    target: Name | None
    taken: bytes = b""


@dataclass(frozen=True, slots=True)
class Referral:
    """At or below a zone cut; `node` is the cut, or a wildcard with NS records."""

    node: Node


@dataclass(frozen=True, slots=True)
class NoData:
    """The name exists (or a wildcard stands in for it), the type does not; `node` is that name or wildcard."""

    node: Node


@dataclass(frozen=True, slots=True)
class NxDomain:
    """No such name, and no wildcard for it below its closest encloser, `node`."""

    node: Node


Outcome = Found | Alias | Redirection | Referral | NoData | NxDomain


def types_at(zone: Zone, owner: Name) -> Mapping[int, RRset] | None:
    """What stands at an owner; None where that is no name of the zone."""
    types = zone.rrsets.get(owner)
    if types is None or RRType.NSEC3 not in types:
        return types
    return None if is_hashed_owner(types) else without_nsec3(types)


class ZoneIndex:
    """The names of one zone, ready for lookup. Time and memory are proportional to the number of names, but where
    `nodes` are given, made from those of the version before (`zone.step`)."""

    def __init__(self, zone: Zone, nodes: dict[Name, Node] | None = None) -> None:
        self.zone = zone
        self.nodes: dict[Name, Node] = {}
        # The labels before the closest encloser of the last name with many, and where the last of them begins: a chain
        # of DNAMEs gives all its names the same ones.
        self._before: tuple[bytes, int] = (b"", 0)
        if nodes is not None:
            self.nodes = nodes
            return
        for owner, rrsets in zone.rrsets.items():
            if RRType.NSEC3 not in rrsets:
                self._insert(owner, rrsets)
            elif not is_hashed_owner(rrsets):
                self._insert(owner, without_nsec3(rrsets))
        self._link_all()

    def _insert(self, owner: Name, rrsets: Mapping[int, RRset]) -> None:
        self.nodes[owner] = Node(owner, rrsets)
        while owner != self.zone.apex:
            owner = parent(owner)
            if owner in self.nodes:
                return
            if owner not in self.zone.rrsets or is_hashed_owner(self.zone.rrsets[owner]):
                self.nodes[owner] = Node(owner, {})

    def _link_all(self) -> None:
        nodes = self.nodes
        for name in sorted(nodes, key=len):  # parents before children
            above = nodes[parent(name)] if name != self.zone.apex else None
            if above is not None:
                above.children += 1
            nodes[name].link(above, nodes.get(WILDCARD_LABEL + name))

    def closest(self, qname: Name) -> Node:
        """The node of `qname`, or its closest encloser (RFC 4592 section 3.3.1). `qname` is at or below the apex."""
        nodes = self.nodes
        node = nodes.get(qname)
        if node is None and len(qname) > FEW_LABELS_OCTETS:
            return self._closest_of_many(qname)
        while node is None:
            qname = qname[1 + qname[0] :]
            node = nodes.get(qname)
        return node

    def _closest_of_many(self, qname: Name) -> Node:
        """`closest` for a name of many labels that is no node, by halving: where a name is a node, so is each above."""
        nodes = self.nodes
        before, next_closer = self._before
        if before and qname.startswith(before):
            node = nodes.get(qname[len(before) :])
            if node is not None and qname[next_closer:] not in nodes:
                return node
        low, high = 0, len(qname) - len(self.zone.apex)
        while low < high:
            middle = label_at(qname, (low + high) // 2, low)
            if qname[middle:] in nodes:
                high = middle
            else:
                low = middle + 1 + qname[middle]
        self._before = qname[:low], label_at(qname, low - 1)
        return nodes[qname[low:]]

    def is_missing(self, qname: Name) -> bool:
        """True only when `lookup` gives NxDomain, whatever the type."""
        node = self.closest(qname)
        return node.has_no_stand_in and node.name != qname

    def lookup(self, qname: Name, qtype: int) -> Outcome:
        """What the zone says of a canonical name at or below its apex."""
        node = self.closest(qname)
        veil = node.veil
        if node.renaming is not None and (veil is not None or node.name != qname):
            return _redirected(*node.renaming, qname)
        if veil is not None:
            return self._cut(self.nodes[veil], qname, qtype)
        if node.name == qname:
            return _at(node, qtype)
        if node.wildcard is None:
            return NxDomain(node)
        if RRType.NS in node.wildcard.rrsets and qtype != RRType.DS:
            return Referral(node.wildcard)
        return _at(node.wildcard, qtype)

    def dname_over(self, name: Name) -> RRset | None:
        """The DNAME that stands in for every name below this one, which is at or below the apex; None where some may
        exist, or belong to a child."""
        renaming = self.closest(name).renaming
        return None if renaming is None else renaming[0]

    @staticmethod
    def _cut(cut: Node, qname: Name, qtype: int) -> Outcome:
        if qname == cut.name and qtype == RRType.DS:  # the parent's data (RFC 4035 section 3.1.4.1)
            return _at(cut, qtype)
        return Referral(cut)


def _at(node: Node, qtype: int) -> Outcome:
    rrsets = node.rrsets
    rrset = rrsets.get(qtype)
    if rrset is not None:
        return Found(node, rrset)
    if qtype == RRType.RRSIG and (signatures := [key for key in rrsets if is_signatures_key(key)]):
        return Found(node, rrsets[min(signatures)])  # as for ANY, one rrset of our choice (RFC 8482 section 7)
    if RRType.CNAME in rrsets and qtype not in NOT_LED_ON:
        return Alias(node, rrsets[RRType.CNAME])
    if qtype == RRType.ANY and rrsets:  # one rrset of our choice (RFC 8482 section 4.1)
        return Found(node, rrsets[min(rrsets)])
    return NoData(node)


def _redirected(rrset: RRset, leads_to: Name, taken: bytes, qname: Name) -> Redirection:
    target = qname[: len(qname) - len(rrset.owner)] + leads_to
    return Redirection(rrset, target if len(target) <= 255 else None, taken)

"""The next version of a zone, made ready from the one before: an index and a chain of which only what changed is new.

Versions that follow from one another by change sets share what stands at every owner that none of them touched: the
same objects. So what changed is found by looking for others, whoever made the version; and from there on a step takes
time proportional to the changes, but for copies of a few lists and dicts. What a step gives equals what is made of the
whole zone. Nothing of the version before is touched: queries go on in it meanwhile.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gslb.wire.names import WILDCARD_LABEL, Name, is_at_or_below, parent
from gslb.zone.lookup import Node, ZoneIndex, types_at
from gslb.zone.signing import Signing, is_signed, signing_after, signing_of
from gslb.zone.zone import Zone

MOST_CHANGED = 1000
"""Owners. With more changes, or more than a tenth of the zone, making all of it anew is as quick."""


@dataclass(frozen=True, slots=True, eq=False)
class Indexed:
    """A zone ready for lookup: its index, and by what it is served signed."""

    index: ZoneIndex
    signing: Signing | None

    @classmethod
    def of(cls, zone: Zone) -> "Indexed":
        """Raises `ValueError` for a signed zone that `zone.completeness` would refuse."""
        index = ZoneIndex(zone)
        return cls(index, signing_of(index))


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """From one version to the next. `owners` are those whose rrsets changed, came or went; `nodes` the names whose node
    did, among which are some that stand by these."""

    before: Indexed
    after: Indexed
    owners: AbstractSet[Name]
    nodes: AbstractSet[Name]


def step(before: Indexed, zone: Zone) -> Step | None:
    """The step to another version of the same zone; None where too much changed for it to be worth while. Raises
    `ValueError` as `Indexed.of` does."""
    old = before.index
    owners = _changed_owners(old.zone, zone)
    if not is_worth_while(len(owners), len(zone.rrsets)):
        return None
    if not owners:
        return Step(before, Indexed(ZoneIndex(zone, old.nodes), before.signing), owners, owners)
    names = _Names(old, zone)
    for owner in owners:
        names.change(owner)
    names.link()
    index = ZoneIndex(zone, names.nodes)
    changed = names.changed
    if before.signing is not None and is_signed(zone):
        signing: Signing | None = signing_after(before.signing, old, index, owners, changed)
    else:
        signing = signing_of(index)
    return Step(before, Indexed(index, signing), owners, changed)


def is_worth_while(changed: int, owners: int) -> bool:
    """Whether to make a step where so many of so many owners changed."""
    return changed <= min(MOST_CHANGED, owners // 10)


def _changed_owners(old: Zone, new: Zone) -> set[Name]:
    before, after = old.rrsets, new.rrsets
    found = before.get
    changed = {owner for owner, types in after.items() if found(owner) is not types}
    came = sum(owner not in before for owner in changed)
    if len(after) - came < len(before):
        changed.update(owner for owner in before if owner not in after)
    return changed


class _Names:
    """The nodes of the next version. `change` every owner that did, then `link`; after that `nodes` are right, and
    `changed` are the names of those that came, went, or are others than before."""

    def __init__(self, old: ZoneIndex, zone: Zone) -> None:
        self.nodes = old.nodes.copy()
        self._old = old.nodes
        self._zone = zone
        self._own: set[Name] = set()
        self._gone: set[Name] = set()

    @property
    def changed(self) -> set[Name]:
        return self._own | self._gone

    def change(self, owner: Name) -> None:
        types = types_at(self._zone, owner)
        if types is not None:
            self._put(owner).rrsets = types
        elif owner in self.nodes:
            self._take_out(owner)

    def _put(self, name: Name) -> Node:
        """The node of a name, our own to change; made, and empty non-terminals above it, where there is none."""
        if name in self.nodes:
            return self._ours(name)
        node = self.nodes[name] = Node(name, {})
        self._own.add(name)
        self._gone.discard(name)
        self._put(parent(name)).children += 1
        return node

    def _take_out(self, name: Name) -> None:
        node = self._ours(name)
        node.rrsets = {}
        if node.children:  # it stays as an empty non-terminal
            return
        del self.nodes[name]
        self._own.discard(name)
        self._gone.add(name)
        above = self._ours(parent(name))
        above.children -= 1
        if not above.rrsets:
            self._take_out(above.name)

    def _ours(self, name: Name) -> Node:
        """The node of a name; that of the version before is copied first."""
        node = self.nodes[name]
        if name not in self._own:
            node = self.nodes[name] = Node(name, node.rrsets, node.children)
            self._own.add(name)
        return node

    def link(self) -> None:
        for name in list(self._own):
            while name[:2] == WILDCARD_LABEL and name != self._zone.apex:
                name = parent(name)  # noqa: PLW2901
                self._ours(name)  # which refers to the wildcard
        self._link(self._own)
        others = tuple(name for name in self._own if self._veils_otherwise(name))
        if others:
            for name in [name for name in self.nodes if name.endswith(others)]:
                if any(is_at_or_below(name, other) for other in others):
                    self._ours(name)
            self._link(self._own)

    def _veils_otherwise(self, name: Name) -> bool:
        """True where the names below see the change of a cut or DNAME."""
        old, new = self._old.get(name), self.nodes[name]
        if old is None or not new.children:
            return False
        return (old.veil_below, old.renaming) != (new.veil_below, new.renaming)

    def _link(self, names: Iterable[Name]) -> None:
        nodes, apex = self.nodes, self._zone.apex
        for name in sorted(names, key=len):  # parents before children
            above = nodes[parent(name)] if name != apex else None
            nodes[name].link(above, nodes.get(WILDCARD_LABEL + name))

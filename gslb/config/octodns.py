"""Zones in octoDNS's YAML: owners relative to the apex, each with a record or a list of records.

The reader goes on after every problem, so that all of a file are told at once; what it could read is in the draft,
and the draft knows where each rrset was written.
"""

import re
from collections.abc import Mapping as AnyMapping

from gslb.config.draft import Draft, Place
from gslb.config.healthcheck import read_healthcheck
from gslb.config.monitors import MonitorProfile
from gslb.config.problems import Findings, did_you_mean, joined
from gslb.config.record_types import SINGLE, record_type
from gslb.config.sections import ApexSchema, SoaSchema
from gslb.config.sources import ZoneSource
from gslb.config.steering import Record, read_steering
from gslb.config.validated import validated
from gslb.config.values import BadValueError, read_value
from gslb.config.yamltext import Mapping, Node, Sequence, Text
from gslb.wire.codes import RRType
from gslb.wire.names import (
    ROOT,
    BadNameError,
    Name,
    canonical,
    is_at_or_below,
    name_from_text,
    name_to_text,
    relative_text,
)
from gslb.zone.checks import MAX_TTL, TTL_OCTETS_HOLD, no_nameservers, taken_as_zero
from gslb.zone.rrset import RRset
from gslb.zone.zone import Soa

DEFAULT_TTL = 3600
"""What octoDNS gives a record without a TTL."""
PROVIDER = "gslb"
"""The provider that we are in octoDNS's `included` and `excluded` lists."""
RECORD_KEYS = ("type", "ttl", "value", "values", "dynamic", "octodns", "gslb")
OCTODNS_KEYS = ("healthcheck", "ignored", "excluded", "included", "lenient")
_WHOLE = re.compile(r"\d{1,10}", re.ASCII)
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def read_octodns(
    tree: Mapping, source: ZoneSource, monitors: AnyMapping[str, MonitorProfile], findings: Findings
) -> Draft:
    """All that can be read of the zone; every problem goes to `findings`. The SOA, made here, has serial 0."""
    reader = _Reader(source, monitors, findings)
    for owner_text, node in tree.entries():
        reader.read_owner(owner_text, node)
    reader.finish()
    return reader.draft


def _key_hint(owner: Text) -> str:
    """What to say of an owner that has the name of a record's key and is no record: its indent was lost."""
    return (
        f"; if {str(owner)!r} is a key of the record above, indent it like the others there"
        if owner in RECORD_KEYS
        else ""
    )


class _Reader:
    def __init__(self, source: ZoneSource, monitors: AnyMapping[str, MonitorProfile], findings: Findings) -> None:
        self.source = source
        self.apex = source.apex
        self.monitors = monitors
        self.findings = findings
        self.draft = Draft(source.apex, str(source.path))
        self.servers: tuple[Name, ...] = source.nameservers
        self.soa = SoaSchema()
        self.soa_place = Place(str(source.path), 1, "@.SOA")

    def read_owner(self, owner_text: Text, node: Node) -> None:
        owner = self._owner(owner_text)
        if owner is None:
            return
        if isinstance(node, Sequence):
            for position, item in enumerate(node):
                self._read_record(owner, owner_text, item, str(position))
        else:
            self._read_record(owner, owner_text, node, "")

    def _owner(self, text: Text) -> Name | None:
        try:
            owner = canonical(name_from_text(str(text), self.apex)) if text else self.apex
        except BadNameError as error:
            self.findings.error(text.line, str(text), str(error))
            return None
        if text == "@":
            self.findings.error(text.line, "@", "write '' for the zone's own name")
        elif any(character.isspace() for character in text):
            self.findings.error(text.line, str(text), "a name has no spaces")
        elif text.endswith(".") and not is_at_or_below(owner, self.apex):
            said = f"{name_to_text(owner)} is outside the zone {name_to_text(self.apex)}"
            self.findings.error(text.line, str(text), said)
        elif text.endswith("."):
            said = f"names are relative to the zone; write {relative_text(owner, self.apex)!r}"
            self.findings.error(text.line, str(text), said)
        else:
            if text and is_at_or_below(canonical(name_from_text(str(text), ROOT)), self.apex):
                said = f"this is {name_to_text(owner)}: names are relative to the zone; did you mean "
                shown = relative_text(canonical(name_from_text(str(text), ROOT)), self.apex)
                self.findings.warn(text.line, str(text), f"{said}{shown!r}?")
            return owner
        return None

    def _read_record(self, owner: Name, owner_text: Text, node: Node, position: str) -> None:
        shown = str(owner_text) or "@"
        if not isinstance(node, Mapping):
            said = f"must be a record, a mapping with `type` and `value`, or a list of them{_key_hint(owner_text)}"
            self.findings.error(node.line, joined(shown, position) if position else shown, said)
            return
        type_name = self._type_name(node, owner_text)
        if type_name is None:
            return
        path = f"{shown}.{type_name}"
        line = node.key_line("type")
        before = len(self.findings.problems)
        self._check_keys(node, path)
        try:
            rtype = record_type(type_name)
        except ValueError as error:
            self.findings.error(line, joined(shown, "type"), str(error))
            self.draft.unread.add((owner, None))
            return
        healthcheck, left_out = self._octodns(node, path)
        first = self.draft.places.get((owner, rtype, None))
        if first is not None:
            said = f"the {type_name} record of this name is on line {first.line} already; put the values together"
            self.findings.error(line, path, said)
            return
        self.draft.places[owner, rtype, None] = Place(self.findings.file, line, path)
        if left_out:
            self.findings.warn(line, path, f"left out: {left_out}")
            return
        rrset = self._rrset(owner, type_name, rtype, node, path)
        if rrset is not None:
            record = Record(rrset, type_name, node, path, self.apex, healthcheck)
            self._add(record)
        if len(self.findings.problems) > before:
            self.draft.unread.add((owner, rtype))

    def _type_name(self, node: Mapping, owner_text: Text) -> str | None:
        found = node.get("type")
        if isinstance(found, Text) and found:
            return str(found)
        said = "must be the name of a record type"
        if found is None:
            said = f"the record has no type{_key_hint(owner_text)}"
        self.findings.error(node.key_line("type"), joined(str(owner_text) or "@", "type"), said)
        return None

    def _check_keys(self, node: Mapping, path: str) -> None:
        for key, _ in node.entries():
            if key == "geo":
                said = "not supported: octoDNS's former `geo:`; write `dynamic:` pools instead"
                self.findings.error(key.line, joined(path, key), said)
            elif key not in RECORD_KEYS:
                said = f"unknown key {str(key)!r}{did_you_mean(key, RECORD_KEYS)}"
                self.findings.error(key.line, joined(path, key), said)

    def _octodns(self, node: Mapping, path: str) -> tuple[Node | None, str]:
        """The health check of the `octodns:` section, and why it leaves the record out, if it does. Keys of octoDNS's
        many providers may stand there too; they are none of ours."""
        section = node.get("octodns")
        if section is None or (isinstance(section, Text) and section.is_null):
            return None, ""
        path = joined(path, "octodns")
        if not isinstance(section, Mapping):
            self.findings.error(section.line, path, "must be a mapping of keys")
            return None, ""
        for key, _ in section.entries():
            hint = did_you_mean(key, OCTODNS_KEYS)
            if key not in OCTODNS_KEYS and "?" in hint:
                self.findings.warn(key.line, joined(path, key), f"unknown key {str(key)!r}{hint}")
        left_out = ""
        if self._flag(section, "ignored", path):
            left_out = "octodns.ignored is true"
        elif PROVIDER in self._names(section, "excluded", path):
            left_out = f"octodns.excluded names {PROVIDER!r}"
        elif (only := self._names(section, "included", path)) and PROVIDER not in only:
            left_out = f"octodns.included names {', '.join(only)}, and not {PROVIDER!r}"
        return section.get("healthcheck"), left_out

    def _flag(self, section: Mapping, key: str, path: str) -> bool:
        node = section.get(key)
        if node is None or (isinstance(node, Text) and node.is_null):
            return False
        if isinstance(node, Text) and node.lower() in _FLAGS:
            return _FLAGS[node.lower()]
        self.findings.error(section.key_line(key), joined(path, key), "must be true or false")
        return False

    def _names(self, section: Mapping, key: str, path: str) -> list[str]:
        node = section.get(key)
        if node is None or (isinstance(node, Text) and node.is_null):
            return []
        if isinstance(node, Sequence) and all(isinstance(item, Text) for item in node):
            return [str(item) for item in node]
        self.findings.error(section.key_line(key), joined(path, key), "must be a list of provider names")
        return []

    def _rrset(self, owner: Name, type_name: str, rtype: int, node: Mapping, path: str) -> RRset | None:
        ttl = self._ttl(node, path)
        rdatas = self._rdatas(type_name, rtype, node, path)
        if not rdatas:
            return None
        return RRset(owner, rtype, DEFAULT_TTL if ttl is None else ttl, tuple(rdatas))

    def _ttl(self, node: Mapping, path: str) -> int | None:
        written = node.get("ttl")
        if written is None:
            return None
        if isinstance(written, Text) and _WHOLE.fullmatch(written) and int(written) <= TTL_OCTETS_HOLD:
            said = taken_as_zero(int(written))
            if said is None:
                return int(written)
            self.findings.warn(node.key_line("ttl"), joined(path, "ttl"), said)
            return 0
        shown = repr(str(written)) if isinstance(written, Text) else "this"
        said = f"{shown} is not a TTL; write whole seconds, from 0 to {MAX_TTL}"
        self.findings.error(node.key_line("ttl"), joined(path, "ttl"), said)
        return None

    def _rdatas(self, type_name: str, rtype: int, node: Mapping, path: str) -> dict[bytes, int]:
        """The values with the lines they stand on, in the order written."""
        key = "values" if "values" in node else "value"
        if key not in node:
            self.findings.error(node.line, path, "the record has no `value` and no `values`")
            return {}
        path = joined(path, key)
        if "value" in node and "values" in node:
            self.findings.error(node.key_line("value"), path, "the record has `value` and `values`; write one of them")
        values = node[key]
        if isinstance(values, Text) and values.is_absent:
            self.findings.error(node.key_line(key), path, "the value is missing")
            return {}
        items = list(values) if isinstance(values, Sequence) else [values]
        if not items:
            self.findings.error(values.line, path, "the list of values is empty")
        if type_name in SINGLE and len(items) > 1:
            said = f"a {type_name} has one value"
            more = "; to choose among several write `dynamic:` pools" if type_name == "CNAME" else ""
            self.findings.error(values.line, path, said + more)
            items = items[:1]
        found: dict[bytes, int] = {}
        for position, item in enumerate(items):
            where = joined(path, position) if len(items) > 1 else path
            self._read_value(type_name, rtype, item, where, found)
        return found

    def _read_value(self, type_name: str, rtype: int, item: Node, path: str, found: dict[bytes, int]) -> None:
        try:
            rdata = read_value(type_name, rtype, item, self.apex)
        except BadValueError as error:
            self.findings.error(error.line, joined(path, error.key) if error.key else path, str(error))
            return
        if rdata in found:
            self.findings.error(item.line, path, f"this value is already on line {found[rdata]}; write it once")
        found.setdefault(rdata, item.line)

    def _add(self, record: Record) -> None:
        node, rrset = record.node, record.rrset
        at_apex = rrset.rtype == RRType.NS and rrset.owner == self.apex
        if at_apex:
            self.servers = rrset.rdatas
        if at_apex and "gslb" in node and "dynamic" not in node:
            apex = validated(ApexSchema, node["gslb"], self.findings, joined(record.path, "gslb"))
            self.soa = apex.soa if apex is not None else self.soa
            self.soa_place = Place(self.findings.file, node.key_line("gslb"), joined(record.path, "gslb.soa"))
        elif "gslb" in node or "dynamic" in node:
            self._steer(record)
            return
        elif record.healthcheck is not None:
            path = joined(record.path, "octodns.healthcheck")
            read_healthcheck(record.healthcheck, rrset.owner, path, self.findings)
            line = node.key_line("octodns")
            said = "without `dynamic:` or `gslb:` the record is not steered, and nothing is probed"
            self.findings.warn(line, path, said)
        self.draft.builder.add(rrset)

    def _steer(self, record: Record) -> None:
        steered = read_steering(record, self.monitors, self.findings)
        if steered is None:
            self.draft.builder.add(record.rrset)  # so that the checks of other records find it
            return
        self.draft.builder.steer(steered)
        dynamic = record.node.get("dynamic")
        written = dynamic.get("pools") if isinstance(dynamic, Mapping) else None
        if isinstance(written, Mapping):
            for name, _ in written.entries():
                place = Place(self.findings.file, name.line, joined(record.path, "dynamic.pools", name))
                self.draft.places[(*steered.key, str(name))] = place

    def finish(self) -> None:
        """The SOA, and the NS records of the node where the zone has none. Without any there is nothing to make the SOA
        of, which is not written here as it is in a master file."""
        self.draft.give_nameservers(self.source.nameservers)
        if not (self.servers or self.draft.unread or self.findings.problems):
            self.findings.error(1, name_to_text(self.apex), no_nameservers(self.apex))
        soa = Soa(
            mname=self.soa.mname or canonical((*self.servers, ROOT)[0]),
            rname=self.soa.rname or b"\x0ahostmaster" + self.apex,
            serial=0,
            refresh=self.soa.refresh,
            retry=self.soa.retry,
            expire=self.soa.expire,
            minimum=self.soa.minimum,
        )
        self.draft.builder.add(RRset(self.apex, int(RRType.SOA), self.soa.ttl, (soa.to_rdata(),)))
        self.draft.places[self.apex, int(RRType.SOA), None] = self.soa_place

"""A zone that is edited at random, always in the same way for the same seed: its octoDNS file and its master file.

Static names of several types, a wildcard, and steered names whose pools hold other addresses than their `values`: a
server that does not steer must answer the `values`, and one that does never.
"""

import json
import random
from collections.abc import Iterator

STEERED_SHARE = 10
"""One name in so many is steered."""


class EditedZone:
    """`names` is how many owners there are below the apex at first, `refresh` the SOA's, in seconds; a secondary that
    missed a NOTIFY asks by then."""

    def __init__(self, apex: str, names: int, seed: int = 1, refresh: int = 2) -> None:
        self.apex = apex
        self.refresh = refresh
        self._random = random.Random(f"{apex} {seed}")
        self._next = 0
        self.records: dict[str, dict[str, object]] = {}
        for _ in range(names):
            self._add()
        self.records["*.wild"] = {"type": "A", "ttl": 60, "values": ["192.0.2.77"]}
        self.records["version"] = {"type": "TXT", "ttl": 5, "value": "v0"}
        self._version = 0

    # Files

    def yaml(self) -> str:
        soa = {"refresh": f"{self.refresh}s", "retry": "1s", "expire": "1h", "minimum": 60}
        apex = {"type": "NS", "ttl": 3600, "values": [f"ns1.{self.apex}.", f"ns2.{self.apex}."], "gslb": {"soa": soa}}
        hosts = {name: {"type": "A", "ttl": 3600, "value": "127.0.0.1"} for name in ("ns1", "ns2")}
        everything = {"": apex} | hosts | self.records
        return "".join(f"{json.dumps(owner)}: {json.dumps(record)}\n" for owner, record in everything.items())

    def master(self, serial: int = 1) -> str:
        """The plain records, as a foreign primary has them."""
        lines = [
            f"$ORIGIN {self.apex}.",
            f"@ 3600 IN SOA ns1 hostmaster {serial} {self.refresh} 1 3600 60",
            "@ 3600 IN NS ns1",
            "@ 3600 IN NS ns2",
            "ns1 3600 IN A 127.0.0.1",
            "ns2 3600 IN A 127.0.0.1",
        ]
        for owner, record in self.records.items():
            lines += [f"{owner} {record['ttl']} IN {record['type']} {value}" for value in self._texts(record)]
        return "\n".join(lines) + "\n"

    def _texts(self, record: dict[str, object]) -> Iterator[str]:
        values = record.get("values") or [record["value"]]
        for value in values:
            if isinstance(value, dict):
                yield f"{value['preference']} {value['exchange']}"
            else:
                yield json.dumps(value) if record["type"] == "TXT" else str(value)

    # What there is

    def static(self) -> list[tuple[str, str]]:
        """Names and types that every server answers alike: what is there, what is not, and a wildcard."""
        found = [(f"{owner}.{self.apex}", str(record["type"])) for owner, record in self._each(steered=False)]
        first = next(iter(self.records))
        return [*found, (f"any.wild.{self.apex}", "A"), (f"nobody.{self.apex}", "A"), (f"{first}.{self.apex}", "MX")]

    def steered(self) -> dict[str, frozenset[str]]:
        """The `values` of steered names, all of type A."""
        return {
            f"{owner}.{self.apex}": frozenset(map(str, record["values"])) for owner, record in self._each(steered=True)
        }

    def _each(self, *, steered: bool) -> Iterator[tuple[str, dict[str, object]]]:
        for owner, record in self.records.items():
            if ("dynamic" in record) == steered and not owner.startswith("*"):
                yield owner, record

    # Edits

    def edit(self) -> str:
        """Change something that makes another version of the zone; what the marker says then."""
        owners = [owner for owner in self.records if owner not in {"*.wild", "version"}]
        owner = self._random.choice(owners)
        what = self._random.random()
        if what < 0.2:
            self._add()
        elif what < 0.4 and len(owners) > 10:
            del self.records[owner]
        elif what < 0.5:
            self.records[owner]["ttl"] = self._random.randrange(30, 3600)
        else:
            self.records[owner] = self._record(int(owner.lstrip("n")))
        self._version += 1
        self.records["version"]["value"] = f"v{self._version}"
        return f"v{self._version}"

    def updates(self, count: int) -> list[list[str]]:
        """Random updates in nsupdate's lines, each of which changes the zone."""
        return [self._update(number) for number in range(count)]

    def _update(self, number: int) -> list[str]:
        owner = self._random.choice([owner for owner, _ in self._each(steered=False) if owner.startswith("n")])
        marker = f"version.{self.apex}."
        lines = [f"update delete {marker} TXT", f'update add {marker} 5 TXT "u{number}"']
        what = self._random.random()
        if what < 0.3:
            return [*lines, f"update add new{number}.{self.apex}. 60 A {self._address()}"]
        if what < 0.6:
            return [*lines, f"update delete {owner}.{self.apex}."]
        return [*lines, f'update add {owner}x.{self.apex}. 60 TXT "update {number}"']

    def _add(self) -> None:
        self.records[f"n{self._next}"] = self._record(self._next)
        self._next += 1

    def _record(self, number: int) -> dict[str, object]:
        if number % STEERED_SHARE == 3:
            return self._steered()
        ttl = self._random.choice((30, 60, 300))
        make = self._random.choice((self._a, self._a, self._a, self._aaaa, self._txt, self._mx, self._cname))
        return {"ttl": ttl, **make()}

    def _a(self) -> dict[str, object]:
        return {"type": "A", "values": sorted({self._address() for _ in range(self._random.randrange(1, 4))})}

    def _aaaa(self) -> dict[str, object]:
        return {"type": "AAAA", "values": [f"2001:db8::{self._random.randrange(1, 0xFFFF):x}"]}

    def _txt(self) -> dict[str, object]:
        return {"type": "TXT", "value": f"some text {self._random.getrandbits(32):08x}"}

    def _mx(self) -> dict[str, object]:
        value = {"preference": self._random.randrange(1, 50), "exchange": f"ns1.{self.apex}."}
        return {"type": "MX", "values": [value]}

    def _cname(self) -> dict[str, object]:
        return {"type": "CNAME", "value": f"host{self._random.randrange(100)}.elsewhere.example."}

    def _steered(self) -> dict[str, object]:
        values = [{"value": f"203.0.113.{host}", "weight": self._random.randrange(1, 9)} for host in (1, 2, 3)]
        return {
            "type": "A",
            "ttl": 30,
            "values": [self._address()],
            "dynamic": {"pools": {"all": {"values": values}}, "rules": [{"pool": "all"}]},
        }

    def _address(self) -> str:
        return f"10.{self._random.randrange(256)}.{self._random.randrange(256)}.{self._random.randrange(1, 255)}"

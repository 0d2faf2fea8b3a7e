"""The trials of the transfer benchmark: each sets up its servers in a folder, measures, and gives its figures.

Figures are plain values with their unit in the name. What must be equal is compared, and a difference ends the run
with a `TrialError`: a fast transfer of something else is no figure.
"""

import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dns.message
import steady
from edited_zone import EditedZone
from foreign_servers import ForeignServer, ForeignZone, Key, answer_of, axfr, serial_of, wait_until
from harness import Daemon

from gslb.api.client import call

BOUND = 120.0
RATE = 500
KEY, LOOK = Key.called("xfr"), Key.called("look")
Figures = dict[str, Any]
Tell = Callable[[str], None]


class TrialError(Exception):
    """A server did not do what every figure rests on; the message tells which, and what."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large each trial is."""

    edits: int = 1000
    updates: int = 1000
    primary_names: int = 4000
    timed_edits: int = 100
    bulk_names: int = 100_000
    rounds: int = 3


def need(condition: Callable[[], bool], what: str, seconds: float = BOUND) -> None:
    if not wait_until(condition, seconds):
        raise TrialError(f"waited {seconds:g} s in vain: {what}")


@contextmanager
def _stopping(*servers: Daemon | ForeignServer) -> Iterator[None]:
    with ExitStack() as stack:
        for each in servers:
            stack.callback(each.stop)
        yield


def _node(folder: Path, name: str) -> Daemon:
    (folder / name).mkdir()
    return Daemon(folder / name)


def _configure(node: Daemon, zones: str, peers: str = "") -> None:
    node.configure(f"keys: {{{KEY.yaml}, {LOOK.yaml}}}\npeers: {{{peers}}}\nzones: {{{zones}}}\n")


def _peer(name: str, port: int, kind: str) -> str:
    return f"{name}: {{address: 127.0.0.1, port: {port}, key: {KEY.name}, kind: {kind}}}"


def _reload(node: Daemon) -> None:
    said = call(node.folder / "state", "POST", "/reload")
    if said["problems"]:
        raise TrialError(f"a reload failed: {said['problems']}")


def _sum(metrics: dict[str, float], name: str, *labels: str) -> float:
    """The samples of a metric that have all of these labels."""
    return sum(
        value for key, value in metrics.items() if key.startswith(name) and all(label in key for label in labels)
    )


# ---- 1. secondaries of other makes ----


def foreign_secondaries(folder: Path, sizes: Sizes, tell: Tell) -> Figures:
    """BIND, Knot and NSD follow random edits of our zone; compared by content and by answers."""
    apex = "foreign.example"
    node, zone = _node(folder, "gslb"), EditedZone(apex, 200)
    servers = [ForeignServer(kind, folder / kind, KEY) for kind in ("bind", "knot", "nsd")]
    names = ", ".join(each.kind for each in servers)
    _configure(
        node,
        f"{apex}: {{file: zones/{apex}.yaml, notify: [{names}], allow_transfer: [{names}, 'key:{LOOK.name}']}}",
        ", ".join(_peer(each.kind, each.port, "foreign") for each in servers),
    )
    node.write(f"zones/{apex}.yaml", zone.yaml())
    with _stopping(node, *servers):
        node.start()
        for each in servers:
            each.serve(ForeignZone(apex, node.port))
            each.start()
        _same_serial(node, servers, apex)
        before, first = node.metrics(), serial_of(node.port, apex)
        started, versions = time.monotonic(), set()
        for number in range(sizes.edits):
            zone.edit()
            node.write(f"zones/{apex}.yaml", zone.yaml())
            _reload(node)
            versions.add(serial_of(node.port, apex))
            if (number + 1) % max(1, sizes.edits // 10) == 0:
                _same_serial(node, servers, apex)
                tell(f"secondaries: {number + 1} edits, {len(versions)} versions")
        seconds = time.monotonic() - started
        after = node.metrics()
        records = _equal_content(node, servers, apex)
        asked = _equal_answers(node, servers, zone)
        whole = _whole_octets(node, apex)
    sent = {how: _sum(after, "gslb_transfer_octets_total", '"out"', f'"{how}"') for how in ("axfr", "ixfr")}
    had = {how: _sum(before, "gslb_transfer_octets_total", '"out"', f'"{how}"') for how in ("axfr", "ixfr")}
    ok = {
        how: _sum(after, "gslb_transfers_total", '"out"', f'"{how}"', '"ok"')
        - _sum(before, "gslb_transfers_total", '"out"', f'"{how}"', '"ok"')
        for how in ("axfr", "ixfr")
    }
    transfers = ok["axfr"] + ok["ixfr"]
    return {
        "edits": sizes.edits,
        "versions": len(versions - {first}),
        "seconds": seconds,
        "records": records,
        **asked,
        "ixfr_transfers": ok["ixfr"],
        "axfr_transfers": ok["axfr"],
        "ixfr_octets": sent["ixfr"] - had["ixfr"],
        "axfr_octets": sent["axfr"] - had["axfr"],
        "one_axfr_octets": whole,
        "octets_had_all_been_axfr": whole * transfers,
    }


def _same_serial(node: Daemon, servers: list[ForeignServer], apex: str) -> None:
    serial = serial_of(node.port, apex)
    for each in servers:
        need(lambda port=each.port: serial_of(port, apex) == serial, f"{each.kind} to be at serial {serial}")


def _equal_content(node: Daemon, servers: list[ForeignServer], apex: str) -> int:
    ours = axfr(node.port, apex, LOOK)
    for each in servers:
        if axfr(each.port, apex) != ours:
            raise TrialError(f"{each.kind} has other records than the node")
    return len(ours)


def _equal_answers(node: Daemon, servers: list[ForeignServer], zone: EditedZone) -> Figures:
    static, steered = zone.static(), zone.steered()
    for name, rtype in static:
        ours = answer_of(node.port, name, rtype)
        for each in servers:
            if answer_of(each.port, name, rtype) != ours:
                raise TrialError(f"{each.kind} answers {name} {rtype} otherwise than the node")
    for name, values in steered.items():
        for each in servers:
            _, lines = answer_of(each.port, name, "A")
            if {line.split()[-1] for line in lines} != values:
                raise TrialError(f"{each.kind} does not answer the `values` of {name}")
    return {"static_answers": len(static), "steered_answers": len(steered)}


def _whole_octets(node: Daemon, apex: str) -> float:
    """What one AXFR of the plain zone takes, by the node's own count."""
    before = _sum(node.metrics(), "gslb_transfer_octets_total", '"out"', '"axfr"')
    axfr(node.port, apex, LOOK)
    return _sum(node.metrics(), "gslb_transfer_octets_total", '"out"', '"axfr"') - before


# ---- 2. primaries of other makes ----


def foreign_primaries(folder: Path, sizes: Sizes, tell: Tell) -> Figures:
    """We are a secondary of BIND and of Knot, each of which takes updates."""
    found: Figures = {}
    for kind in ("bind", "knot"):
        (folder / kind).mkdir()
        found[kind] = _one_primary(folder / kind, kind, sizes)
        tell(f"primaries: {kind} {found[kind]['ixfr_transfers']:.0f} IXFRs")
    return found


def _one_primary(folder: Path, kind: str, sizes: Sizes) -> Figures:
    apex = "theirs.example"
    node, zone = _node(folder, "gslb"), EditedZone(apex, sizes.primary_names)
    server = ForeignServer(kind, folder / "server", KEY)
    with _stopping(node, server):
        server.serve(ForeignZone(apex, node.port, zone.master()))
        server.start()
        need(lambda: serial_of(server.port, apex) == 1, f"{kind} to serve: {server.log()}")
        _configure(
            node,
            f"{apex}: {{primaries: [theirs], allow_transfer: ['key:{LOOK.name}']}}",
            _peer("theirs", server.port, "foreign"),
        )
        node.start()
        need(lambda: serial_of(node.port, apex) == 1, "the first transfer")
        records = _equal_content(node, [server], apex)
        started = time.monotonic()
        server.update(apex, zone.updates(sizes.updates))
        updated = time.monotonic()
        last = 1 + sizes.updates
        need(lambda: serial_of(node.port, apex) == last, f"the node to be at serial {last}")
        equal = time.monotonic()
        _equal_content(node, [server], apex)
        metrics = node.metrics()
    into = {how: _sum(metrics, "gslb_transfers_total", '"in"', f'"{how}"', '"ok"') for how in ("axfr", "ixfr")}
    octets = {how: _sum(metrics, "gslb_transfer_octets_total", '"in"', f'"{how}"') for how in ("axfr", "ixfr")}
    if into["ixfr"] < 1 or into["axfr"] != 1:
        raise TrialError(f"not by IXFR: {into}")
    return {
        "records": records,
        "updates": sizes.updates,
        "update_seconds": updated - started,
        "equal_after_last_update_seconds": equal - updated,
        "ixfr_transfers": into["ixfr"],
        "ixfr_octets": octets["ixfr"],
        "axfr_transfers": into["axfr"],
        "axfr_octets": octets["axfr"],
    }


# ---- 3. an edit on its way ----


def timed_edits(folder: Path, sizes: Sizes, tell: Tell) -> Figures:
    """From a saved file, or a commit, to the secondary's answer; gslb and Knot in turn."""
    apex = "edits.example"
    primary, secondary = _node(folder, "primary"), _node(folder, "secondary")
    first = ForeignServer("knot", folder / "knot-primary", KEY)
    second = ForeignServer("knot", folder / "knot-secondary", KEY)
    zone = EditedZone(apex, 100, refresh=1000)  # so that nothing but NOTIFY carries an edit
    _pair(primary, secondary, apex, f"zones/{apex}.yaml")
    primary.write(f"zones/{apex}.yaml", zone.yaml())
    with _stopping(primary, secondary, first, second):
        first.serve(ForeignZone(apex, second.port, zone.master()))
        second.serve(ForeignZone(apex, first.port))
        first.start()
        primary.start()
        second.start()
        secondary.start()
        for port in (secondary.port, second.port):
            need(lambda port=port: serial_of(port, apex) is not None, "a secondary to have the zone")
        ours, at_primary, theirs = [], [], []
        for number in range(sizes.timed_edits):
            here, there = _edit_ours(primary, secondary, zone, number)
            at_primary.append(here)
            ours.append(there)
            theirs.append(_edit_knot(first, second, apex, number))
            if (number + 1) % 20 == 0:
                tell(f"edits: {number + 1} of {sizes.timed_edits}")
    return {
        "edits": sizes.timed_edits,
        "gslb": _spread(ours),
        "gslb_at_the_primary": _spread(at_primary),
        "knot": _spread(theirs),
        "median_ratio": statistics.median(ours) / statistics.median(theirs),
    }


def _pair(primary: Daemon, secondary: Daemon, apex: str, file: str, more: str = "") -> None:
    zone = f"{apex}: {{file: {file}, notify: [ns2], allow_transfer: [ns2]}}"
    _configure(primary, zone + more, _peer("ns2", secondary.port, "gslb"))
    _configure(secondary, f"{apex}: {{primaries: [ns1]}}", _peer("ns1", primary.port, "gslb"))


def _edit_ours(primary: Daemon, secondary: Daemon, zone: EditedZone, number: int) -> tuple[float, float]:
    """Seconds until the primary, and until the secondary, answer an edit."""
    zone.records["version"]["value"] = f"edit {number}"
    primary.write(f"zones/{zone.apex}.yaml", zone.yaml())
    saved = time.monotonic()
    name, text = f"version.{zone.apex}", f"edit {number}"
    here = _served(primary.port, name, text) - saved
    return here, _served(secondary.port, name, text) - saved


def _edit_knot(first: ForeignServer, second: ForeignServer, apex: str, number: int) -> float:
    """Seconds from the start of `knotc zone-commit`."""
    first.knotc("zone-begin", apex)
    first.knotc("zone-unset", apex, "version", "TXT")
    first.knotc("zone-set", apex, "version", "5", "TXT", f'"edit {number}"')
    committed = time.monotonic()
    first.knotc("zone-commit", apex)
    return _served(second.port, f"version.{apex}", f"edit {number}") - committed


def _served(port: int, name: str, text: str) -> float:
    """When a server's answer first had this text; it is asked about two thousand times a second."""
    query = dns.message.make_query(name, "TXT", use_edns=False).to_wire()
    end = time.monotonic() + BOUND
    with socket.socket(type=socket.SOCK_DGRAM) as line:
        line.connect(("127.0.0.1", port))
        line.settimeout(1.0)
        while True:
            try:
                line.send(query)
                if text.encode() in line.recv(4096):
                    return time.monotonic()
            except OSError:
                pass
            if time.monotonic() > end:
                raise TrialError(f"waited {BOUND:g} s in vain for {text!r} at port {port}")
            time.sleep(0.0005)


def _spread(seconds: list[float]) -> Figures:
    ranked = sorted(seconds)
    return {
        "median_ms": statistics.median(ranked) * 1000,
        "p99_ms": steady.quantile(ranked, 0.99) * 1000,
        "least_ms": ranked[0] * 1000,
        "most_ms": ranked[-1] * 1000,
    }


# ---- 4. a large zone ----

BIG, SMALL = "big.example", "small.example"


def bulk(folder: Path, sizes: Sizes, tell: Tell) -> Figures:
    """A large zone moves to a secondary that is already serving; gslb and Knot in turn."""
    big = folder / f"{BIG}.zone"
    big.write_text(_big_master(sizes.bulk_names), "ascii")
    primary = _node(folder, "primary")
    knot = ForeignServer("knot", folder / "knot-primary", KEY)
    placeholder = _node(folder, "placeholder")  # its port is the secondary's of every round
    _configure(
        primary,
        f"{BIG}: {{file: {big}, allow_transfer: [ns2]}}, {SMALL}: {{file: zones/{SMALL}.yaml}}",
        _peer("ns2", placeholder.port, "gslb"),
    )
    small = EditedZone(SMALL, 20)
    small.records["www"] = {"type": "A", "ttl": 30, "values": ["192.0.2.1", "192.0.2.2"]}
    primary.write(f"zones/{SMALL}.yaml", small.yaml())
    found: dict[str, list[Figures]] = {"gslb": [], "knot": []}
    with _stopping(primary, knot):
        tell(f"bulk: loading {sizes.bulk_names:,} names")
        primary.start(wait=False)
        need(lambda: serial_of(primary.port, BIG) is not None, f"the node to load the zone: {primary.log()[-500:]}")
        knot.serve(ForeignZone(BIG, 1, big.read_text("ascii")), ForeignZone(SMALL, 1, small.master()))
        knot.start()
        need(lambda: serial_of(knot.port, BIG) is not None, "Knot to load the zone")
        for number in range(sizes.rounds):
            (folder / f"round{number}").mkdir()
            ours = _bulk_gslb(folder / f"round{number}", primary, placeholder.port, small)
            theirs = _bulk_knot(folder / f"round{number}", knot, small)
            found["gslb"].append(ours)
            found["knot"].append(theirs)
            tell(f"bulk: round {number + 1}: gslb {ours['seconds']:.2f} s, Knot {theirs['seconds']:.2f} s")
    return {"names": sizes.bulk_names, **{kind: _medians(rounds) for kind, rounds in found.items()}, "rounds": found}


def _big_master(names: int) -> str:
    lines = [
        f"$ORIGIN {BIG}.",
        "$TTL 300",
        "@ IN SOA ns1 hostmaster 1 3600 600 1209600 60",
        "@ IN NS ns1",
        "@ IN NS ns2",
        "ns1 IN A 127.0.0.1",
        "ns2 IN A 127.0.0.1",
    ]
    lines += [f"host{number:06d} IN A 10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(names)]
    return "\n".join(lines) + "\n"


def _bulk_gslb(folder: Path, primary: Daemon, port: int, small: EditedZone) -> Figures:
    (folder / "gslb").mkdir()
    secondary = Daemon(folder / "gslb", port=port)
    own = f"{SMALL}: {{file: zones/{SMALL}.yaml}}"
    peer = _peer("ns1", primary.port, "gslb")
    _configure(secondary, own, peer)
    secondary.write(f"zones/{SMALL}.yaml", small.yaml())
    with _stopping(secondary):
        secondary.start()

        def begin() -> None:
            _configure(secondary, f"{own}, {BIG}: {{primaries: [ns1]}}", peer)
            _reload(secondary)

        assert primary.process is not None
        assert secondary.process is not None
        ports, pids = (primary.port, port), (primary.process.pid, secondary.process.pid)
        figures = _moved(ports, pids, begin)
        own_word = [event for event in secondary.events() if event["event"] == "zone_transferred" and "octets" in event]
        return figures | {"transfer_alone_seconds": own_word[-1]["seconds"], "octets": own_word[-1]["octets"]}


def _bulk_knot(folder: Path, primary: ForeignServer, small: EditedZone) -> Figures:
    secondary = ForeignServer("knot", folder / "knot", KEY)
    own = ForeignZone(SMALL, 1, small.master())
    secondary.serve(own)
    with _stopping(secondary):
        secondary.start()
        need(lambda: serial_of(secondary.port, SMALL) is not None, "Knot to serve")

        def begin() -> None:
            secondary.serve(own, ForeignZone(BIG, primary.port))
            secondary.knotc("reload")

        assert primary.process is not None
        assert secondary.process is not None
        ports, pids = (primary.port, secondary.port), (primary.process.pid, secondary.process.pid)
        return _moved(ports, pids, begin)


def _moved(ports: tuple[int, int], pids: tuple[int, int], begin: Callable[[], None]) -> Figures:
    """Figures of one move from the first server to the second: quiet for a while, then until the second serves."""
    with steady.Stream(ports, f"www.{SMALL}", RATE) as stream:
        time.sleep(0.5)
        quiet = time.monotonic()
        time.sleep(2.5)
        resident = [_memory(pid, "VmRSS") for pid in pids]
        for pid in pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # VmHWM begins anew
        started = time.monotonic()
        begin()
        need(lambda: serial_of(ports[1], BIG) is not None, "the secondary to serve the large zone")
        ended = time.monotonic()
        peaks = [_memory(pid, "VmHWM") for pid in pids]
        time.sleep(steady.LOST_SECONDS + 0.2)
        settled = time.monotonic() - steady.LOST_SECONDS
    figures: Figures = {"seconds": ended - started}
    for role, port, before, peak in zip(("primary", "secondary"), ports, resident, peaks, strict=True):
        figures[role] = {
            "resident_before_mib": before,
            "peak_mib": peak,
            "quiet": _in_ms(stream.within(port, quiet, started)),
            "during": _in_ms(stream.within(port, started, min(ended, settled))),
        }
    return figures


def _memory(pid: int, field: str) -> float:
    """MiB."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def _in_ms(waits: steady.Waits) -> Figures:
    found = asdict(waits)
    return {key: found.pop(key) for key in ("count", "lost", "unanswered")} | {
        f"{key}_ms": v * 1000 for key, v in found.items()
    }


def _medians(rounds: list[Figures]) -> Figures:
    """The median of every figure."""
    return {
        key: _medians([each[key] for each in rounds])
        if isinstance(value, dict)
        else statistics.median(each[key] for each in rounds)
        for key, value in rounds[0].items()
    }


TRIALS: dict[str, Callable[[Path, Sizes, Tell], Figures]] = {
    "secondaries": foreign_secondaries,
    "primaries": foreign_primaries,
    "edits": timed_edits,
    "bulk": bulk,
}

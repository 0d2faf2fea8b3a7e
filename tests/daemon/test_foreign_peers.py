"""BIND, Knot and NSD in the cluster: as signed secondaries of ours, and BIND and Knot as primaries of ours."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from edited_zone import EditedZone
from foreign_servers import ANSWER_SECONDS, ForeignServer, ForeignZone, Key, answer_of, axfr, serial_of
from harness import Daemon, wait_for

from gslb.api.client import call

pytestmark = pytest.mark.daemon

APEX = "foreign.example"
KEY, LOOK = Key.called("xfr"), Key.called("look")
PROGRAMS = {"bind": ("named", "nsupdate", "dig"), "knot": ("knotd", "nsupdate", "dig"), "nsd": ("nsd", "dig")}
EDITS, BURST = 50, 10
BOUND = 60.0


@pytest.fixture
def server(tool: Callable[[str], str], tmp_path: Path) -> Iterator[Callable[[str], ForeignServer]]:
    """Makes a server of a kind; skips where a program is missing; all are stopped in the end."""
    made: list[ForeignServer] = []

    def make(kind: str) -> ForeignServer:
        for program in PROGRAMS[kind]:
            tool(program)
        made.append(ForeignServer(kind, tmp_path / kind, KEY))
        return made[-1]

    yield make
    for each in made:
        each.stop()


class Secondaries:
    """Our node as primary, and a secondary of each kind."""

    def __init__(self, node: Daemon, servers: list[ForeignServer]) -> None:
        self.node, self.servers = node, servers
        self.zone = EditedZone(APEX, 60)
        names = ", ".join(each.kind for each in servers)
        peers = ", ".join(
            f"{each.kind}: {{address: 127.0.0.1, port: {each.port}, key: {KEY.name}, kind: foreign}}"
            for each in servers
        )
        node.configure(
            f"keys: {{{KEY.yaml}, {LOOK.yaml}}}\npeers: {{{peers}}}\n"
            f"zones: {{{APEX}: {{file: zones/{APEX}.yaml, notify: [{names}], "
            f'allow_transfer: [{names}, "key:{LOOK.name}"]}}}}\n'
        )
        self.write()
        node.start()
        for each in servers:
            each.serve(ForeignZone(APEX, node.port))
            each.start()

    def write(self) -> None:
        self.node.write(f"zones/{APEX}.yaml", self.zone.yaml())

    def edit(self, count: int) -> int:
        """Make so many versions, one after the other; the serial of the last."""
        for _ in range(count):
            self.zone.edit()
            self.write()
            assert call(self.node.folder / "state", "POST", "/reload")["problems"] == []
        serial = serial_of(self.node.port, APEX, ANSWER_SECONDS)
        assert serial is not None
        return serial

    def wait_for_serial(self, serial: int) -> None:
        for each in self.servers:
            wait_for(
                lambda port=each.port: serial_of(port, APEX) == serial,
                f"{each.kind} to be at {serial}; its log:\n{each.log()[-3000:]}\nours:\n{self.node.log()[-3000:]}",
                BOUND,
            )

    def assert_equal(self) -> None:
        ours = axfr(self.node.port, APEX, LOOK)
        for each in self.servers:
            assert axfr(each.port, APEX) == ours, each.kind


@pytest.fixture
def secondaries(daemon: Daemon, server: Callable[[str], ForeignServer]) -> Secondaries:
    return Secondaries(daemon, [server(kind) for kind in PROGRAMS])


def test_bind_knot_and_nsd_follow_every_edit_and_answer_as_we_do(secondaries: Secondaries) -> None:
    node = secondaries.node
    first = serial_of(node.port, APEX, ANSWER_SECONDS)
    assert first is not None
    secondaries.wait_for_serial(first)
    secondaries.assert_equal()
    last = first
    for _ in range(EDITS // BURST):
        last = secondaries.edit(BURST)
        secondaries.wait_for_serial(last)
    assert last - first >= EDITS
    secondaries.assert_equal()
    for name, rtype in secondaries.zone.static():
        ours = answer_of(node.port, name, rtype)
        assert {each.kind: answer_of(each.port, name, rtype) for each in secondaries.servers} == {
            each.kind: ours for each in secondaries.servers
        }, f"{name} {rtype}"
    steered = secondaries.zone.steered()
    assert len(steered) > 3
    for name, values in steered.items():
        for each in secondaries.servers:
            assert _addresses(each.port, name) == values, f"{name} of {each.kind}"
        assert not _addresses(node.port, name) & values  # the node steers: it answers from the pool
    found = node.metrics()
    whole, parts = (
        found[f'gslb_transfer_octets_total{{direction="out",how="{how}",zone="{APEX}."}}'] for how in ("axfr", "ixfr")
    )
    assert found[f'gslb_transfers_total{{direction="out",how="ixfr",result="ok",zone="{APEX}."}}'] >= 3
    assert parts > 0
    assert whole > 0


def _addresses(port: int, name: str) -> frozenset[str]:
    rcode, lines = answer_of(port, name, "A")
    assert rcode == "NOERROR"
    return frozenset(line.split()[-1] for line in lines)


@pytest.mark.parametrize("kind", ["bind", "knot"])
def test_we_follow_the_updates_of_a_foreign_primary_by_ixfr(
    daemon: Daemon, server: Callable[[str], ForeignServer], kind: str
) -> None:
    primary = server(kind)
    zone = EditedZone(APEX, 400)
    primary.serve(ForeignZone(APEX, daemon.port, zone.master()))
    primary.start()
    wait_for(lambda: serial_of(primary.port, APEX) == 1, f"{kind} to serve; its log:\n{primary.log()}", BOUND)
    daemon.configure(
        f"keys: {{{KEY.yaml}, {LOOK.yaml}}}\n"
        f"peers: {{theirs: {{address: 127.0.0.1, port: {primary.port}, key: {KEY.name}, kind: foreign}}}}\n"
        f'zones: {{{APEX}: {{primaries: [theirs], allow_transfer: ["key:{LOOK.name}"]}}}}\n'
    )
    daemon.start()
    wait_for(lambda: serial_of(daemon.port, APEX) == 1, f"the first transfer; the log:\n{daemon.log()}", BOUND)
    assert axfr(daemon.port, APEX, LOOK) == axfr(primary.port, APEX)
    primary.update(APEX, zone.updates(EDITS))
    last = serial_of(primary.port, APEX, ANSWER_SECONDS)
    assert last == 1 + EDITS
    wait_for(lambda: serial_of(daemon.port, APEX) == last, f"the last update; the log:\n{daemon.log()}", BOUND)
    assert axfr(daemon.port, APEX, LOOK) == axfr(primary.port, APEX)
    found = daemon.metrics()
    assert found[f'gslb_transfers_total{{direction="in",how="ixfr",result="ok",zone="{APEX}."}}'] >= 1
    assert found[f'gslb_transfers_total{{direction="in",how="axfr",result="ok",zone="{APEX}."}}'] == 1

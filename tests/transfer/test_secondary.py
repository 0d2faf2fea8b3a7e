"""A secondary zone over real sockets: it follows its primaries, and keeps what it has whatever they do."""

import asyncio
import dataclasses
import time

import pytest
from fake_primary import APEX, HANG, FakePrimary, record, soa, view, zone
from ports import free_port
from structlog.testing import capture_logs

from gslb.config.peers import Peer
from gslb.transfer.account import InboundCounts
from gslb.transfer.faults import Fault
from gslb.transfer.inbound import InboundLimits
from gslb.transfer.journal import StoredZone
from gslb.transfer.request import Wanted
from gslb.transfer.secondary import SecondaryZone
from gslb.transfer.silence import Silence
from gslb.wire.codes import Rcode, RRType
from gslb.wire.edns import render_opt
from gslb.wire.names import name_from_text
from gslb.wire.tsig import TsigKey
from gslb.zone.diff import view_of

KEY = TsigKey(name_from_text("xfr."), "hmac-sha256", b"0123456789abcdef0123456789abcdef")
PATIENT = InboundLimits(seconds=60, idle_seconds=30, connect_seconds=30, udp_seconds=(30,))
QUICK = dataclasses.replace(PATIENT, idle_seconds=0.5, udp_seconds=(0.5,))
"""For a primary that is silent."""
LINES = ("www 300 A 192.0.2.1",)


class Node:
    """What a node does with a secondary zone, noted down. `waits` holds back updates; `full` refuses them."""

    def __init__(
        self, *primaries, stored=None, contacted=0.0, clock=time.time, peers=None, silence=None, limits=PATIENT
    ):
        self.view = None
        self.updates, self.contacts, self.expiries = [], [], 0
        self.waits = None
        self.full = False
        self._happened = asyncio.Event()
        self.zone = SecondaryZone(
            APEX,
            peers or [primary.peer(name=f"ns{number}") for number, primary in enumerate(primaries, 1)],
            StoredZone(stored, 1, time.time() - contacted) if stored is not None else None,
            on_update=self._update,
            on_contact=self._contact,
            on_expire=self._expire,
            limits=limits,
            silence=silence,
            clock=clock,
            draw=lambda: 0.0,
        )

    async def _update(self, apex, view, change_sets, fresh_at):
        assert apex == APEX
        if self.waits is not None:
            await self.waits.wait()
        if self.full:
            raise OSError("no space left on the device: make room")
        self.view = view
        self.updates.append((change_sets, fresh_at))
        self._happened.set()

    def _contact(self, apex, fresh_at):
        self.contacts.append(fresh_at)
        self._happened.set()

    def _expire(self, apex):
        self.expiries += 1
        self.view = None
        self._happened.set()

    async def until(self, condition):
        async with asyncio.timeout(60):
            while not condition():
                self._happened.clear()
                try:
                    await asyncio.wait_for(self._happened.wait(), 0.02)
                except TimeoutError:
                    continue

    async def __aenter__(self):
        self.zone.start()
        return self

    async def __aexit__(self, *_):
        await self.zone.stop()

    @property
    def status(self):
        return self.zone.status


def since(began, moment):
    """True for a moment between `began` and now, by the wall's clock, which is read and reckoned with in fractions."""
    return began - 0.1 <= moment <= time.time() + 0.1


def test_it_loads_follows_by_its_timers_and_tells():
    async def run():
        began = time.time()
        async with FakePrimary(zone(1, *LINES, refresh=1), KEY) as primary, Node(primary) as node:
            await node.until(lambda: node.view)
            assert node.view == view(1, *LINES, refresh=1)
            assert node.status.state == "ok"
            primary.edit(added=["ftp 300 A 192.0.2.2"], refresh=1)
            await node.until(lambda: len(node.updates) == 2)
            assert node.view == view_of(primary.records)
            assert [changes for changes, _ in node.updates] == [None, tuple(primary.history)]
            await node.until(lambda: node.contacts)
            assert since(began, node.contacts[-1])
            status = node.status
            assert (status.serial, status.primary, status.how, status.error) == (2, "ns1", "ixfr", None)
            assert since(began, status.expires_at - 86400)
            assert node.zone.counts["axfr", "ok"].done == node.zone.counts["ixfr", "ok"].done == 1
            assert node.zone.counts["soa", "ok"].octets > 0

    asyncio.run(run())


def test_a_notify_is_followed_at_once_and_many_are_one_transfer():
    async def run():
        async with FakePrimary(zone(1, *LINES)) as primary, Node(primary) as node:
            await node.until(lambda: node.view)
            primary.edit(added=["ftp 300 A 192.0.2.2"])
            primary.asked.clear()
            assert [node.zone.notify(2, "127.0.0.1") for _ in range(20)] == [True] + [False] * 19
            await node.until(lambda: len(node.updates) == 2)
            assert not node.zone.notify(2, "127.0.0.1")
            assert not node.zone.notify(1, "::ffff:127.0.0.1")
            assert primary.asked == [("udp", "SOA"), ("tcp", "IXFR")]

    asyncio.run(run())


def test_a_notify_during_a_transfer_is_followed_after_it():
    async def run():
        async with FakePrimary(zone(1, *LINES)) as primary, Node(primary) as node:
            node.waits = asyncio.Event()
            await node.until(lambda: ("tcp", "AXFR") in primary.asked)
            primary.edit(added=["ftp 300 A 192.0.2.2"])
            node.zone.notify(2, "127.0.0.1")
            node.waits.set()
            await node.until(lambda: len(node.updates) == 2)
            assert node.status.serial == 2

    asyncio.run(run())


def test_a_stored_version_is_asked_after_not_transferred_again():
    async def run():
        began = time.time()
        async with FakePrimary(zone(1, *LINES)) as primary, Node(primary, stored=view(1, *LINES), contacted=50) as node:
            assert (node.status.serial, node.status.state) == (1, "ok")
            assert since(began, node.status.expires_at - 86400 + 50)
            await node.until(lambda: node.contacts)
            assert primary.asked == [("udp", "SOA")]
            assert node.updates == []

    asyncio.run(run())


class TestSeveralPrimaries:
    def test_the_next_is_asked_when_one_is_down(self):
        async def run():
            async with FakePrimary([]) as down:
                peer_of_gone = down.peer(name="ns1")
            alive = FakePrimary(zone(1, *LINES))
            async with alive, Node(peers=[peer_of_gone, alive.peer(name="ns2")]) as node:
                await node.until(lambda: node.view)
                await node.until(lambda: node.status.error)
                assert node.status.primary == "ns2"
                assert "ns1 (127.0.0.1" in node.status.error
                assert node.status.state == "ok"
                assert node.zone.counts["soa", "unreachable"].done == 1

        asyncio.run(run())

    def test_one_that_lags_behind_does_not_hide_one_that_is_ahead(self):
        async def run():
            lagging, ahead = FakePrimary(zone(1, *LINES)), FakePrimary(zone(2, *LINES))
            async with lagging, ahead, Node(lagging, ahead, stored=view(1, *LINES)) as node:
                await node.until(lambda: node.view)
                assert (node.status.serial, node.status.primary) == (2, "ns2")
                assert len(node.contacts) == 1

        asyncio.run(run())

    def test_the_sender_of_a_notify_is_asked_first(self):
        async def run():
            async with FakePrimary(zone(1, *LINES)) as first, FakePrimary(zone(1, *LINES)) as second:
                peers = [first.peer(), dataclasses.replace(second.peer(), name="told", host="127.0.0.1")]
                peers[0] = dataclasses.replace(peers[0], host="127.0.0.2")  # nobody there
                async with Node(peers=peers, stored=view(1, *LINES)) as node:
                    await node.until(lambda: node.status.error)
                    second.edit(added=["ftp 300 A 192.0.2.2"])
                    node.zone.retry_now()  # no back-off is left that would pass the first over
                    assert node.zone.notify(2, "127.0.0.1")
                    failures = node.zone.counts["soa", "unreachable"].done
                    await node.until(lambda: node.view)
                    assert node.zone.counts["soa", "unreachable"].done == failures

        asyncio.run(run())


class Silent:
    """A primary of which nothing ever comes: its ports are there, and nobody reads."""

    def __init__(self):
        self.asked = 0

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self.port = free_port()
        self._tcp = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", self.port))
        return self

    async def __aexit__(self, *_):
        self._tcp.close()
        self._udp.close()

    async def _connected(self, reader, writer):
        await reader.read()
        writer.close()

    def connection_made(self, transport):
        """Nothing to do."""

    def connection_lost(self, error):
        """Nothing to do."""

    def datagram_received(self, data, address):
        self.asked += 1

    def peer(self, name):
        return Peer(name, "127.0.0.1", self.port, (), "foreign")


class TestASilentPrimary:
    def test_is_passed_over_by_every_zone_of_the_node_once_one_has_noticed(self):
        async def run():
            silence = Silence()
            async with Silent() as silent, FakePrimary(zone(1, *LINES)) as alive:
                peers = [silent.peer("ns1"), alive.peer(name="ns2")]
                with capture_logs() as logs:
                    async with Node(peers=peers, silence=silence, limits=QUICK) as first:
                        await first.until(lambda: first.view)
                    assert silent.asked == 1
                    async with Node(peers=peers, silence=silence, limits=QUICK) as second:
                        await second.until(lambda: second.view and second.status.error)
                        assert "ns1" in second.status.error
                        assert "gave no answer lately, and is passed over" in second.status.error
                        assert second.status.state == "ok"
                assert silent.asked == 1
                assert [entry["primary"] for entry in logs if entry["event"] == "primary_silent"] == ["ns1"]

        asyncio.run(run())

    def test_is_asked_with_patience_when_nobody_else_answers(self):
        async def run():
            slow = FakePrimary(zone(1, *LINES), udp=False)  # over TCP it answers
            async with (
                slow,
                Silent() as silent,
                Node(peers=[slow.peer(name="ns1"), silent.peer("ns2")], limits=QUICK) as node,
            ):
                await node.until(lambda: node.view)
                assert node.status.primary == "ns1"

        asyncio.run(run())

    def test_whose_silence_is_news_is_asked_with_patience_though_another_confirms(self):
        async def run():
            ahead, lagging = FakePrimary(zone(2, *LINES), udp=False), FakePrimary(zone(1, *LINES))
            async with ahead, lagging, Node(ahead, lagging, stored=view(1, *LINES)) as node:
                await node.until(lambda: node.view)
                assert (node.status.serial, node.status.primary) == (2, "ns1")

        asyncio.run(run())

    def test_that_sends_a_notify_is_silent_no_more(self):
        async def run():
            silence = Silence()
            first, second = FakePrimary(zone(2, *LINES)), FakePrimary(zone(1, *LINES))
            async with first, second:
                peers = [dataclasses.replace(first.peer(name="ns1"), host="127.0.0.1"), second.peer(name="ns2")]
                silence.begin(peers[0], time.monotonic())
                async with Node(peers=peers, stored=view(1, *LINES), silence=silence) as node:
                    await node.until(lambda: node.contacts)
                    assert not first.asked
                    node.zone.notify(2, "127.0.0.1")
                    await node.until(lambda: node.view)
                    assert node.status.primary == "ns1"

        asyncio.run(run())


def refuse(request):
    return FakePrimary([]).pack(request, [], Rcode.REFUSED)


BAD = {
    "slow": ({"behave": {RRType.IXFR: lambda _: [HANG]}}, ("ixfr", Fault.TIMEOUT)),
    "older serial": ({"records": zone(0, *LINES)}, ("soa", Fault.OLDER)),
    "another zone": ({"behave": {RRType.SOA: refuse}}, ("soa", Fault.RCODE)),
    "garbage": (
        {"behave": dict.fromkeys((RRType.IXFR, RRType.AXFR), lambda request: [request.message_id + b"\xff" * 40])},
        ("axfr", Fault.MALFORMED),
    ),
    "wrong signature": ({"key": dataclasses.replace(KEY, secret=b"y" * 32)}, ("soa", Fault.SIGNATURE)),
    "missing signature": ({"key": KEY, "sign": False}, ("soa", Fault.SIGNATURE)),
    "clock ten minutes off": ({"key": KEY, "clock": lambda: time.time() - 600}, ("soa", Fault.SIGNATURE)),
    "signed in part": ({"records": [*zone(2, *LINES), record("@ 300 DNSKEY 256 3 13 AAAA")]}, ("ixfr", Fault.CONTENT)),
    "no steering from a node of ours": ({"key": KEY, "kind": "gslb"}, ("axfr", Fault.CONTENT)),
}


@pytest.mark.parametrize("what", BAD)
def test_a_primary_that_is_bad_changes_nothing(what):
    settings, (asked, fault) = BAD[what]
    primary = FakePrimary(**({"records": zone(2, *LINES)} | settings))
    sign_with = KEY if primary.key is not None else None

    async def run():
        began = time.time()
        with capture_logs() as logs:
            limits = QUICK if fault is Fault.TIMEOUT else PATIENT
            async with (
                primary,
                Node(peers=[primary.peer(sign_with, "ns1")], stored=view(1, *LINES), limits=limits) as node,
            ):
                await node.until(lambda: node.status.state == "retrying")
                assert (node.updates, node.contacts, node.expiries, node.status.serial) == ([], [], 0, 1)
                assert node.status.error.startswith(f"primary ns1 (127.0.0.1 port {primary.port}) ")
                assert since(began, node.status.next_attempt - 600)
                assert {key: counts.done for key, counts in node.zone.counts.items()} == {(asked, fault.value): 1}
                return [entry for entry in logs if entry["event"] == "transfer_failed"]

    (entry,) = asyncio.run(run())
    assert (entry["log_level"], entry["zone"], entry["address"]) == ("warning", "example.", "127.0.0.1")
    assert ":" in entry["reason"]  # what happened: what to do


def test_a_version_that_cannot_be_stored_is_not_ours():
    async def run():
        one, other = FakePrimary(zone(2, *LINES)), FakePrimary(zone(2, *LINES))
        with capture_logs() as logs:
            async with one, other, Node(one, other, stored=view(1, *LINES)) as node:
                node.full = True
                await node.until(lambda: node.status.state == "retrying")
                assert node.status.serial == 1
                assert "no space left" in node.status.error
                assert other.asked == []
                node.full = False
                node.zone.retry_now()
                await node.until(lambda: node.view)
                assert node.status.serial == 2
                assert node.zone.counts["axfr", "storage"].done == 1
        assert [entry["log_level"] for entry in logs if entry["event"] == "transfer_not_taken"] == ["error"]

    asyncio.run(run())


class TestExpiry:
    def test_a_zone_expires_when_its_time_is_over_and_comes_back_by_a_transfer(self):
        async def run():
            timers = {"refresh": 1, "retry": 3600, "expire": 2}  # no attempt tells it, but its time alone
            async with FakePrimary([]) as down:
                port = down.port
                peer = down.peer(name="ns1")
            started = time.monotonic()
            async with Node(peers=[peer], stored=view(1, *LINES, **timers)) as node:
                node.view = "served"
                await node.until(lambda: node.expiries)
                assert time.monotonic() - started > 1.9
                assert (node.status.state, node.view) == ("expired", None)
                async with FakePrimary(zone(1, *LINES), port=port):
                    node.zone.retry_now()
                    await node.until(lambda: node.view)
                    assert (node.status.state, node.status.how, node.expiries) == ("ok", "axfr", 1)

        asyncio.run(run())

    def test_a_stored_version_past_its_time_is_told_before_the_start_is_over(self):
        async def run():
            async with FakePrimary(zone(1, *LINES)) as primary:
                node = Node(primary, stored=view(1, *LINES), contacted=86401)
                node.zone.start()
                assert (node.expiries, node.status.state) == (1, "expired")
                await node.until(lambda: node.view)
                await node.zone.stop()

        asyncio.run(run())

    def test_what_a_secondary_as_primary_has_left_is_what_we_have(self):
        async def run():
            primary = FakePrimary(zone(1, *LINES))
            opt = render_opt(0, dnssec_ok=False)[:-2] + b"\x00\x08\x00\x09\x00\x04\x00\x00\x02\x00"
            primary.behave[RRType.SOA] = lambda request: primary.pack(request, [soa(1)], opt=opt)
            began = time.time()
            async with primary, Node(primary) as node:
                await node.until(lambda: node.view)
                assert since(began, node.updates[0][1] - 512 + 86400)
                assert since(began, node.status.expires_at - 512)

        asyncio.run(run())

    def test_a_clock_that_is_set_forward_expires_nothing(self):
        async def run():
            ahead = 0.0
            async with FakePrimary([]) as down:
                peer = down.peer()
            async with Node(peers=[peer], stored=view(1, *LINES), clock=lambda: time.time() + ahead) as node:
                ahead = 1e8
                await node.until(lambda: node.status.state == "retrying")
                assert (node.expiries, node.status.state) == (0, "retrying")

        asyncio.run(run())


def test_an_older_serial_is_taken_when_an_operator_says_so():
    async def run():
        async with FakePrimary(zone(1, *LINES)) as primary, Node(primary, stored=view(5)) as node:
            await node.until(lambda: node.status.state == "retrying")
            node.zone.retry_now(Wanted.ANY)
            await node.until(lambda: node.view)
            assert (node.status.serial, node.status.state) == (1, "ok")
            primary.edit()
            node.zone.notify(2, "127.0.0.1")
            await node.until(lambda: len(node.updates) == 2)
            assert node.status.how == "ixfr"

    asyncio.run(run())


def test_stopping_lets_a_version_that_is_being_taken_be_taken():
    async def run():
        async with FakePrimary(zone(1, *LINES)) as primary:
            node = Node(primary)
            node.waits = asyncio.Event()
            node.zone.start()
            await node.until(lambda: node.zone._taking is not None)
            stopping = asyncio.create_task(node.zone.stop())
            await asyncio.sleep(0)
            assert not stopping.done()
            node.waits.set()
            await stopping
            assert node.view == view(1, *LINES)

    asyncio.run(run())


def test_a_bug_of_ours_does_not_end_the_refreshing(monkeypatch):
    calls = []

    async def crash(*_, **__):
        calls.append(1)
        raise ZeroDivisionError

    monkeypatch.setattr("gslb.transfer.secondary.fetch", crash)

    async def run():
        with capture_logs() as logs:
            async with Node(FakePrimary([]), FakePrimary([])) as node:
                await node.until(lambda: len(calls) > 2)
                assert "ZeroDivisionError" in node.status.error
        assert {entry["event"] for entry in logs} == {"transfer_crashed"}

    asyncio.run(run())


def test_counts_add_up():
    assert InboundCounts(1, 10, 0.5) + InboundCounts(2, 20, 0.25) == InboundCounts(3, 30, 0.75)


def test_status_tells_since_when_no_primary_was_of_use_until_one_is_again():
    async def run():
        async with FakePrimary(zone(1, *LINES)) as primary, Node(primary, stored=view(1, *LINES)) as node:
            await node.until(lambda: node.contacts)
            assert node.status.failing_since is None
            began = time.time()
            primary.behave[RRType.SOA] = refuse
            node.zone.retry_now()
            await node.until(lambda: node.status.failing_since is not None)
            first, attempted = node.status.failing_since, node.status.attempted
            assert since(began, first)
            node.zone.retry_now()
            await node.until(lambda: node.status.attempted > attempted)
            assert node.status.failing_since == first
            del primary.behave[RRType.SOA]
            node.zone.retry_now()
            await node.until(lambda: node.status.failing_since is None)

    asyncio.run(run())

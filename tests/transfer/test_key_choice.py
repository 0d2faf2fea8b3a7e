"""A peer with several keys: the first that it takes signs, in transfers, NOTIFY and reports alike."""

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import structlog
from fake_primary import APEX, FakePrimary, soa, view, zone

from gslb.config.peers import Peer
from gslb.transfer.faults import Fault, FaultError, RefusedError, TransferError
from gslb.transfer.inbound import InboundLimits, fetch
from gslb.transfer.key_choice import KeyChoice
from gslb.transfer.notify import Notifier
from gslb.transfer.report import look_at
from gslb.wire.codes import Rcode, RRType
from gslb.wire.names import name_from_text
from gslb.wire.tsig import TsigKey

OLD = TsigKey(name_from_text("old."), "hmac-sha256", b"o" * 32)
NEW = TsigKey(name_from_text("new."), "hmac-sha256", b"n" * 32)
NEW_WITH_ANOTHER_SECRET = dataclasses.replace(NEW, secret=b"x" * 32)
PEER = Peer("ns1", "192.0.2.1", keys=(NEW, OLD))
LIMITS = InboundLimits(seconds=60, idle_seconds=30, connect_seconds=30, udp_seconds=(30,))


def attempts(taken: set[TsigKey], seen: list[TsigKey | None]) -> Callable[[TsigKey | None], Coroutine[Any, Any, str]]:
    """A peer that takes these keys."""

    async def attempt(key: TsigKey | None) -> str:
        seen.append(key)
        if key not in taken:
            raise RefusedError(Fault.SIGNATURE, f"no key {key.name if key else None}")
        return "taken"

    return attempt


def asked(choice: KeyChoice, taken: set[TsigKey], peer: Peer = PEER) -> list[TsigKey | None]:
    """The keys that were tried."""
    seen: list[TsigKey | None] = []
    assert asyncio.run(choice.ask(peer, attempts(taken, seen))) == "taken"
    return seen


def test_the_first_key_is_the_one_while_the_peer_takes_it() -> None:
    assert asked(KeyChoice(), {NEW, OLD}) == [NEW]


def test_the_key_that_was_taken_is_remembered_until_it_is_refused() -> None:
    choice = KeyChoice()
    assert asked(choice, {OLD}) == [NEW, OLD]
    assert asked(choice, {OLD, NEW}) == [OLD]
    assert asked(choice, {NEW}) == [OLD, NEW]
    assert asked(choice, {NEW, OLD}) == [NEW]


def test_peers_are_remembered_apart_and_a_key_that_was_taken_away_is_not_used() -> None:
    choice = KeyChoice()
    asked(choice, {OLD})
    assert asked(choice, {NEW, OLD}, dataclasses.replace(PEER, name="ns2")) == [NEW]
    assert asked(choice, {NEW, OLD}, dataclasses.replace(PEER, keys=(NEW,))) == [NEW]


def test_it_is_told_once_with_advice_and_once_when_it_is_over() -> None:
    choice = KeyChoice()
    with structlog.testing.capture_logs() as logs:
        for taken in ({OLD}, {OLD}, {NEW}, {NEW}):
            asked(choice, taken)
    assert [entry["event"] for entry in logs] == ["key_not_taken", "key_taken"]
    assert logs[0]["advice"] == "give it the key new. too, or take that out of `key` of the peer ns1 here"


def test_when_no_key_is_taken_the_first_refusal_is_told() -> None:
    seen: list[TsigKey | None] = []
    with pytest.raises(RefusedError, match="new"):
        asyncio.run(KeyChoice().ask(PEER, attempts(set(), seen)))
    assert seen == [NEW, OLD]


def test_no_other_key_is_tried_for_a_failure_of_another_kind() -> None:
    async def silent(_: TsigKey | None) -> str:
        raise FaultError(Fault.TIMEOUT, "does not answer")

    with pytest.raises(FaultError, match="does not answer"):
        asyncio.run(KeyChoice().ask(PEER, silent))


def test_a_peer_without_keys_is_asked_unsigned() -> None:
    async def attempt(key: TsigKey | None) -> bool:
        return key is None

    assert asyncio.run(KeyChoice().ask(dataclasses.replace(PEER, keys=()), attempt))


def peer_of(primary: FakePrimary, *keys: TsigKey) -> Peer:
    return dataclasses.replace(primary.peer(), keys=keys)


@pytest.mark.parametrize("first", [NEW, dataclasses.replace(OLD, algorithm="hmac-sha512")])
def test_a_zone_is_fetched_with_the_next_key_when_the_peer_does_not_know_the_first(first: TsigKey) -> None:
    primary = FakePrimary(zone(5), OLD)

    async def run() -> None:
        choice = KeyChoice()
        async with primary:
            peer = peer_of(primary, first, OLD)
            assert (await fetch(APEX, peer, None, limits=LIMITS, keys=choice)).view == view(5)
            primary.asked.clear()
            assert (await fetch(APEX, peer, view(5), limits=LIMITS, keys=choice)).how == "current"
            assert primary.asked == [("udp", "SOA")]

    asyncio.run(run())


def test_a_wrong_secret_is_reason_enough_for_the_next_key() -> None:
    primary = FakePrimary(zone(5), NEW)

    async def run() -> str:
        async with primary:
            return (await fetch(APEX, peer_of(primary, NEW_WITH_ANOTHER_SECRET, NEW), None, limits=LIMITS)).how

    assert asyncio.run(run()) == "axfr"


def test_a_key_that_is_known_but_not_for_this_zone_gives_way_to_the_next() -> None:
    primary = FakePrimary(zone(5), NEW)
    refusals = 0

    def refuse_once(request):
        nonlocal refusals
        refusals += 1
        return primary.pack(request, [], rcode=Rcode.REFUSED) if refusals == 1 else primary.serve(request)

    primary.behave[RRType.AXFR] = refuse_once

    async def run() -> str:
        async with primary:
            peer = peer_of(primary, dataclasses.replace(NEW), NEW)
            return (await fetch(APEX, peer, None, limits=LIMITS)).how

    assert asyncio.run(run()) == "axfr"
    assert refusals == 2


def test_when_every_key_is_wrong_the_transfer_fails_with_what_to_do() -> None:
    primary = FakePrimary(zone(5), OLD)

    async def run() -> None:
        async with primary:
            await fetch(APEX, peer_of(primary, NEW, NEW_WITH_ANOTHER_SECRET), None, limits=LIMITS)

    with pytest.raises(TransferError, match=r"the peer has no key new\. .*must be equal on both sides") as raised:
        asyncio.run(run())
    assert raised.value.fault is Fault.SIGNATURE


def test_a_notify_is_signed_with_the_key_that_the_peer_takes() -> None:
    primary = FakePrimary(zone(5), OLD)

    async def run() -> Notifier:
        notifier = Notifier()
        async with primary:
            notifier.tell(soa(5), (peer_of(primary, NEW, OLD),))
            for _ in range(6000):
                if notifier.results:
                    break
                await asyncio.sleep(0.01)
        await notifier.stop()
        return notifier

    assert asyncio.run(run()).results == {(APEX, "ok"): 1}
    assert len(primary.asked) == 2


def test_a_peer_is_looked_at_with_the_key_that_it_takes() -> None:
    primary = FakePrimary(zone(5), OLD)

    async def run() -> int | None:
        async with primary:
            return (await look_at(peer_of(primary, NEW, OLD), APEX)).serial

    assert asyncio.run(run()) == 5

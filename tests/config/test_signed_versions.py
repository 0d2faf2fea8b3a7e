"""The serial of a signed zone is its file's, or the zone is not taken: the signature over its SOA would be wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
from signed_zone import with_signatures

from gslb.config.versions import StaleSerialError, VersionStore
from gslb.zone.zone import Zone

NOW = 1_700_000_000


@pytest.fixture
def number(tmp_path: Path, zone_of: Callable[..., Zone]) -> Callable[..., int]:
    """Number a signed zone as the node would; the serial it is served under."""
    store = VersionStore(tmp_path)

    def numbered(serial: int, address: str = "192.0.2.1") -> int:
        zone = with_signatures(
            zone_of(
                f"a. 60 SOA ns.b. ops.b. {serial} 1 1 1 1\na. 60 NS ns.b.\na. 60 A {address}\n"
                "a. 60 DNSKEY 257 3 13 AAAA\na. 60 NSEC a. A NS SOA RRSIG NSEC DNSKEY"
            )
        )
        served, version = store.number(zone, f"{serial} {address}", "master", NOW, serial)
        store.keep([version] if version is not None else [])
        return served.serial

    return numbered


def test_it_is_the_files(number: Callable[..., int]) -> None:
    assert number(5) == 5
    assert number(5) == 5
    assert number(9, "192.0.2.2") == 9


@pytest.mark.parametrize(("serial", "address"), [(5, "192.0.2.2"), (4, "192.0.2.1"), (4, "192.0.2.2")])
def test_one_that_is_not_newer_is_refused(number: Callable[..., int], serial: int, address: str) -> None:
    number(5)
    with pytest.raises(StaleSerialError, match="not newer than 5, which was served before"):
        number(serial, address)

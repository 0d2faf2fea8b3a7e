"""A master file whose serial is below the one served: the node takes it under a higher one, and says so."""

from pathlib import Path

from gslb.app.zones import Loaded, Zones
from gslb.config.sources import ZoneSource
from gslb.config.versions import VersionStore
from gslb.wire.names import name_from_text
from gslb.zone.view import steering_view

TEXT = "$TTL 60\n@ SOA ns ops {serial} 3600 600 86400 60\n@ NS ns\nns A {address}\n"


def test_a_serial_that_went_back_is_warned_of_with_the_one_it_gets(tmp_path: Path) -> None:
    source = ZoneSource(name_from_text("x.example."), tmp_path / "x.example.zone", "master")
    zones = Zones(VersionStore(tmp_path), lambda each: [steering_view(zone) for zone in each])

    def load(serial: int, address: str) -> Loaded:
        source.path.write_text(TEXT.format(serial=serial, address=address))
        (loaded,) = zones.load([source], {})
        return loaded

    assert load(900, "192.0.2.1").warnings == ()
    later = load(20, "192.0.2.2")
    assert later.table is not None
    assert later.table.zone.serial == 901
    (warning,) = later.warnings
    assert (warning.line, warning.path) == (2, "@.SOA")
    assert warning.message.startswith("its serial 20 is below what was served before: the zone is served under 901;")
    assert load(902, "192.0.2.3").warnings == ()

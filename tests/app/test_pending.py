"""Which changed settings wait for the next start."""

from pathlib import Path

import pytest

from gslb.app.pending import pending_restart
from gslb.config.node import load_node
from gslb.config.node_config import NodeConfig

BEFORE = "node: ns1\nlisten: 192.0.2.1\nzones_dir: .\n"


def config(folder: Path, text: str) -> NodeConfig:
    path = folder / "gslb.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return load_node(path)


@pytest.mark.parametrize(
    ("after", "pending"),
    [
        (BEFORE, []),
        (BEFORE.replace("192.0.2.1", "192.0.2.2"), ["listen"]),
        (BEFORE.replace("ns1", "ns2") + "state_dir: elsewhere\napi: off\n", ["node", "state_dir", "api"]),
        (BEFORE + "limits: {tcp_idle: 3s, udp_size: 1400}\n", ["limits.tcp_idle", "limits.udp_size"]),
        (
            BEFORE + "limits: {transfers_out: 3}\nnsid: on\nlog: {level: debug}\nrate_limit: {}\nallow_query: []\n",
            [],
        ),
    ],
)
def test_settings_are_named_as_they_are_written_and_live_ones_are_not(
    tmp_path: Path, after: str, pending: list[str]
) -> None:
    assert pending_restart(config(tmp_path, BEFORE), config(tmp_path, after)) == pending

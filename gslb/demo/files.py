"""The files of the demo: each node's gslb.yaml, the key they share and the zone, commented so that people learn by
editing them.

The key and each gslb.yaml are written at each start, for they hold secret and ports. The zone file belongs to whoever
edits it: one that is there is kept.
"""

import base64
import os
import secrets
from collections.abc import Mapping
from string import Template

from gslb.demo.backend import HEALTH_PATH
from gslb.demo.plan import (
    APEX,
    FALL,
    INTERVAL_SECONDS,
    KEY_NAME,
    LOOPBACK,
    PRIMARY,
    REFRESH_SECONDS,
    RETRY_SECONDS,
    RISE,
    TIMEOUT_SECONDS,
    NodePlan,
    Plan,
)

_OURS = "# Written by `gslb demo`"
_KEY_OCTETS = 32
_NODE = f"""\
$ours at each start: what the node is. Ports take a restart; the rest may be edited live.
node: $name
listen: [{LOOPBACK}:$dns_port]
state_dir: $state_dir            # serials, verdicts, overrides, the history of the zone
api: {{listen: {LOOPBACK}:$api_port}}   # /metrics, /healthz, /readyz
keys:
  {KEY_NAME}: {{algorithm: hmac-sha256, file: $key_file}}   # what the nodes sign with, made for this run
peers:
  $peer: {{address: {LOOPBACK}, port: $peer_port, key: {KEY_NAME}}}
"""
_PRIMARY_NODE = Template(f"""\
{_NODE}\
zones:
  {APEX}: {{file: $zone_file, notify: [$peer], allow_transfer: [$peer]}}
monitors:
  web:                      # the zone's records refer to it by this name; it travels with the zone
    probe: http
    port: $http_port
    path: {HEALTH_PATH}
    interval: {INTERVAL_SECONDS:g}s
    timeout: {TIMEOUT_SECONDS:g}s
    fall: {FALL}                 # failures that take a member down
    rise: {RISE}                 # straight successes that bring it up again
""")
_SECONDARY_NODE = Template(f"""\
{_NODE}\
zones:
  {APEX}: {{primaries: [$peer]}}   # no file: the zone comes by transfer, its steering and monitors too
""")
_ZONE = Template(f"""\
# The zone {APEX}. Edit and save this file while the demo runs: it is live within half a second, and at
# the secondary a moment later. A mistake changes nothing that is served; the demo and `gslb status` say which
# line is wrong and what would be right.
'':
  type: NS
  ttl: 3600
  values: [ns1.{APEX}., ns2.{APEX}.]
  gslb: {{soa: {{refresh: {REFRESH_SECONDS}s, retry: {RETRY_SECONDS}s}}}}   # how often the secondary asks by itself
ns1:
  type: A
  ttl: 3600
  value: {LOOPBACK}
ns2:
  type: A
  ttl: 3600
  value: {LOOPBACK}

# Weighted: each answer is drawn in these shares from the backends that are up. Try another weight, or 0.
www:
  type: A
  ttl: 5
  values: [$values]
  gslb:
    monitor: web            # of gslb.yaml beside this file
    weights:
$weights

# Failover: always the first one that is up.
first:
  type: A
  ttl: 5
  values: [$values]
  gslb: {{policy: failover, monitor: web}}

# Turns: one after the other, two to an answer.
turns:
  type: A
  ttl: 5
  values: [$values]
  gslb: {{policy: round_robin, answers: 2, monitor: web}}

# An alias leads to an answer that is drawn as well.
shop:
  type: CNAME
  ttl: 300
  value: www.{APEX}.
hello:
  type: TXT
  ttl: 60
  value: hello from the demo
""")
_NEW_RECORD = Template("""
new:
  type: A
  ttl: 5
  value: $address
""")
_NO_WEIGHT = "plenty"


class FolderError(Exception):
    """The folder given cannot be used; the message says why and what would be right."""


def zone_text(weights: Mapping[str, int], new_record: str | None = None) -> str:
    """The zone with these weights by address, and `new.demo.example` at the address `new_record`."""
    lines = "\n".join(f"      {address}: {weight}" for address, weight in weights.items())
    text = _ZONE.substitute(values=", ".join(weights), weights=lines)
    return text + (_NEW_RECORD.substitute(address=new_record) if new_record else "")


def broken(text: str, address: str) -> tuple[str, int]:
    """The zone with the weight of `address` spoilt, and the number of that line."""
    lines = text.splitlines(keepends=True)
    start = f"      {address}: "
    number = next(number for number, line in enumerate(lines) if line.startswith(start))
    lines[number] = f"{start}{_NO_WEIGHT}\n"
    return "".join(lines), number + 1


def write_zone(plan: Plan, text: str) -> None:
    """Replace the zone file as careful editors do: a new file renamed over the old one."""
    new = plan.zone_file.with_suffix(".new")
    new.write_text(text)
    new.replace(plan.zone_file)


def write_files(plan: Plan, *, keep_zone: bool) -> None:
    """Write what the plan needs. A zone file that is there stays when `keep_zone`; else it must be the original.
    Raises `FolderError`, and then nothing was written."""
    zone = zone_text(plan.weights)
    _refuse_foreign(plan)
    if not keep_zone and plan.zone_file.exists() and plan.zone_file.read_text() != zone:
        raise FolderError(f"{plan.zone_file} has been edited, and this run would overwrite it: give an empty folder")
    plan.logs.mkdir(parents=True, exist_ok=True)
    _write_key(plan)
    for node in plan.nodes:
        node.folder.mkdir(exist_ok=True)
        node.config.write_text(_node_text(plan, node))
    if not plan.zone_file.exists():
        plan.zone_file.write_text(zone)


def _write_key(plan: Plan) -> None:
    """A new secret in a new file, at no time readable by others."""
    plan.key_file.unlink(missing_ok=True)
    fd = os.open(plan.key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(_KEY_OCTETS)) + b"\n")


def _refuse_foreign(plan: Plan) -> None:
    for node in plan.nodes:
        if node.config.exists() and not node.config.read_text().startswith(_OURS):
            raise FolderError(f"{node.config} was not written by the demo and stays as it is: give an empty folder")


def _node_text(plan: Plan, node: NodePlan) -> str:
    (peer,) = (each for each in plan.nodes if each is not node)
    template = _PRIMARY_NODE if node.name == PRIMARY else _SECONDARY_NODE
    return template.substitute(
        ours=_OURS,
        name=node.name,
        dns_port=node.dns_port,
        api_port=node.api_port,
        http_port=plan.http_port,
        peer=peer.name,
        peer_port=peer.dns_port,
        state_dir=os.path.relpath(node.state_dir, node.folder),
        key_file=os.path.relpath(plan.key_file, node.folder),
        zone_file=os.path.relpath(plan.zone_file, node.folder),
    )

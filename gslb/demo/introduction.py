"""What the demo says first: what runs where, what to try, and lines to copy."""

import os
import shutil
import sys
from pathlib import Path

from gslb.demo.plan import APEX, LOOPBACK, NAME, Plan


def introduction(plan: Plan, *, keys: bool) -> str:
    """`keys`: single keys are read, and told."""
    gslb = _program()
    primary, secondary = plan.nodes
    at_primary, at_secondary = (f"dig @{LOOPBACK} -p {node.dns_port}" for node in plan.nodes)
    control = f"http://{LOOPBACK}:{plan.control_port}"
    weights = ", ".join(str(weight) for weight in plan.weights.values())
    return f"""\
primary    DNS on {LOOPBACK} port {primary.dns_port}: reads the zone file
secondary  DNS on {LOOPBACK} port {secondary.dns_port}: has the zone from the primary
backends   {", ".join(plan.weights)}, port {plan.http_port}, weights {weights}
ask        {at_primary} {NAME} +short
           {at_secondary} {NAME} +short
           first.{APEX} is failover, turns.{APEX} two by turns
           curl http://{plan.heaviest.address}:{plan.http_port}/
compare    {gslb} cluster status -c {primary.config}
kill       curl -X POST {control}/kill/1
revive     curl -X POST {control}/revive/1
           also {_others(plan)}{f"; or press {_keys(plan)} here" if keys else ""}
edit       {plan.zone_file}   live when saved
look       {gslb} status -c {primary.config}
           {gslb} explain -c {primary.config} {NAME}
           curl http://{LOOPBACK}:{primary.api_port}/metrics
logs       {plan.logs}
try        Kill the primary and a backend, edit the zone, revive the primary:
           the secondary answers on, and both end equal, each by its own probes.
"""


def _others(plan: Plan) -> str:
    return ", ".join([*(str(backend.number) for backend in plan.backends[1:]), *(node.name for node in plan.nodes)])


def _keys(plan: Plan) -> str:
    return " ".join([*(str(backend.number) for backend in plan.backends), *(node.key for node in plan.nodes)])


def _program() -> str:
    """How this shell would start `gslb`: by name, by its path beside our Python, or as a module."""
    if shutil.which("gslb"):
        return "gslb"
    beside = Path(sys.executable).with_name("gslb")
    if not beside.exists():
        return f"{sys.executable} -m gslb"
    return min(str(beside), os.path.relpath(beside), key=len)

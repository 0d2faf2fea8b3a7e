"""Machines in network namespaces of their own, each behind a router on a line of its own, IPv4 and IPv6.

Every machine has exactly the addresses it is given, each alone in its network, and everything else is reached through
the router: two machines may be in any two prefixes of the world. There is no way out: the router is a namespace too.
It must be made within namespaces that nothing else lives in (`namespaces.apart`).
"""

from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from namespaces import ip, within

ROUTER = "router"
_GATEWAYS = {4: "169.254.0.1", 6: "fe80::1"}
"""The router, as each machine sees it on its line."""
_SETTINGS = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")


class RoutedNetwork:
    """`machines`: the addresses of each, by its name, which is the name of its namespace."""

    def __init__(self, machines: dict[str, tuple[str, ...]]) -> None:
        self.machines = machines
        ip("netns", "add", ROUTER)
        within(ROUTER, _forward)
        for number, (name, addresses) in enumerate(machines.items(), 1):
            self._add(name, f"line{number}", addresses)

    def _add(self, name: str, line: str, addresses: Iterable[str]) -> None:
        ip("netns", "add", name)
        ip("link", "add", line, "netns", ROUTER, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", ROUTER, "link", "set", line, "up")
        ip("-n", ROUTER, "address", "add", f"{_GATEWAYS[4]}/32", "dev", line)
        ip("-n", ROUTER, "address", "add", f"{_GATEWAYS[6]}/64", "dev", line, "nodad")
        for address in addresses:
            whole = f"{address}/{ip_address(address).max_prefixlen}"
            ip("-n", name, "address", "add", whole, "dev", "eth0", *(["nodad"] if ":" in address else []))
            ip("-n", ROUTER, "route", "add", whole, "dev", line)
        ip("-n", name, "route", "add", "default", "via", _GATEWAYS[4], "dev", "eth0", "onlink")
        if any(":" in address for address in addresses):
            ip("-n", name, "-6", "route", "add", "default", "via", _GATEWAYS[6], "dev", "eth0")


def _forward() -> None:
    for setting in _SETTINGS:
        Path("/proc/sys/net", setting).write_text("1")

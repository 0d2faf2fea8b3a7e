"""The small internet at work: roots, top-level domains, our two nodes, web servers, resolvers, and a client.

The thread that makes it is in the namespace of the client from then on, and so are its threads and processes: it asks
as anybody in the world would. /etc/resolv.conf names the resolver `unbound` there.
"""

import contextlib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.zone
from harness import Backend
from namespaces import enter, ip, within
from our_zones import SHARES
from plain_records import plain_rrsets
from programs import RESOLVER_PROGRAMS, SECRET, MachineProgram, ask_in_mixed_case, knot, node, nsd, plain_zones
from routed_network import ROUTER, RoutedNetwork
from wire_watch import WireWatch
from world import MACHINES, NODES, OTHER_ZONES, OURS, ROOT_HINTS, ROOT_ZONES, TLD_ZONES

START_SECONDS = 120.0
SERVED = {
    "root1": ROOT_ZONES,
    "root2": ROOT_ZONES,
    "tld1": TLD_ZONES,
    "tld2": TLD_ZONES,
    "other": OTHER_ZONES,
}
"""Records by zone, of the servers of others."""
PEERS = {"Knot": knot, "NSD": nsd}
ATTEMPT_SECONDS, ATTEMPTS = 3.0, 5
"""A client asks again, as stub resolvers do: unbound gives none an answer that took it longer than 1.9 s."""


class InternetError(Exception):
    """It could not be made, or is not what it should be; the text says where."""


def until(condition: Callable[[], object], what: str, seconds: float = START_SECONDS) -> None:
    """Return when the condition holds; raises `InternetError` when it did not within the time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise InternetError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.05)


class SmallInternet:
    """Made and running when the constructor returns; it goes with the namespaces that it is in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network = RoutedNetwork(MACHINES)
        enter("client")
        self._name_the_resolver()
        self.hints = folder / "root.hints"
        self.hints.write_text(ROOT_HINTS)
        self.web = {address: within("web", lambda address=address: Backend(address, 80)) for address in SHARES}
        self.others = {
            name: make(name, folder / name, plain_zones(SERVED[name]))
            for name, make in {"root1": nsd, "root2": knot, "tld1": nsd, "tld2": knot, "other": knot}.items()
        }
        self.nodes = {name: node(name, folder / name) for name in NODES}
        self.resolvers = {name: make(name, folder / name) for name, make in RESOLVER_PROGRAMS.items()}
        by_address = {address: name for name in RESOLVER_PROGRAMS for address in MACHINES[name]}
        self.watch = WireWatch({name: MACHINES[name] for name in NODES}, by_address)
        for programs in (self.others, self.resolvers, self.nodes):  # the nodes' probes ask a resolver
            for program in programs.values():
                program.start()
            for program in programs.values():
                self.wait_for_answers(program)
        self.zones = {apex: self._transferred(apex) for apex in OURS}
        self.plain_rrsets = [rrset for zone in self.zones.values() for rrset in plain_rrsets(zone)]
        self.start_resolvers_anew()

    def start_resolvers_anew(self, *, with_0x20: bool = True) -> None:
        """They know nothing then, but that our nodes are well."""
        for program in self.resolvers.values():
            program.stop()
            ask_in_mixed_case(program, wanted=with_0x20)
            program.start()
            self.wait_for_answers(program)
        for resolver in self.resolvers:
            for apex in OURS:
                self.ask(resolver, apex, "NS")

    def _name_the_resolver(self) -> None:
        """Have programs ask the resolver `unbound`. The file is seen in our mount namespace only."""
        file = self.folder / "resolv.conf"
        file.write_text(f"nameserver {MACHINES['unbound'][0]}\n")
        usual = Path("/etc/resolv.conf").resolve()
        if not usual.exists():  # a link into /run, which is empty here
            usual.parent.mkdir(parents=True, exist_ok=True)
            usual.touch()
        subprocess.run(["mount", "--bind", str(file), str(usual)], check=True)

    def wait_for_answers(self, program: MachineProgram) -> None:
        """Until every zone of a name server is answered, or the root by a resolver, over IPv4 and IPv6."""
        served = OURS if program.machine in NODES else SERVED.get(program.machine, (".",))
        for apex in served:
            for address in program.addresses:
                what = f"{apex} at {program.machine} {address}"
                try:
                    until(lambda apex=apex, at=address: self._replies(at, apex), what)
                except InternetError as error:
                    raise InternetError(f"{error}; its log ends:\n{program.log()[-3000:]}") from error

    def _replies(self, address: str, apex: str) -> bool:
        try:
            reply = dns.query.udp(dns.message.make_query(apex, "SOA"), address, timeout=0.5)
        except (OSError, dns.exception.DNSException):
            return False
        return reply.rcode() == dns.rcode.NOERROR and bool(reply.answer)

    def _transferred(self, apex: str) -> dns.zone.Zone:
        """A zone of our nodes as a foreign secondary gets it."""
        keyring = dns.tsigkeyring.from_text({"xfr.": SECRET})
        messages = dns.query.xfr(
            MACHINES["ns1"][0], apex, keyring=keyring, keyname="xfr.", timeout=10, relativize=False
        )
        return dns.zone.from_xfr(messages, relativize=False)

    # What the checks do

    def ask(self, resolver: str, name: str, rtype: str = "A") -> dns.message.Message:
        """What a client of the resolver gets, over TCP where UDP is too small."""
        query = dns.message.make_query(name, rtype, use_edns=0, payload=1232)
        for _ in range(ATTEMPTS):
            with contextlib.suppress(dns.exception.Timeout):
                reply, _ = dns.query.udp_with_fallback(query, MACHINES[resolver][0], timeout=ATTEMPT_SECONDS)
                return reply
        raise InternetError(f"{resolver} gave no answer to {name} {rtype} in {ATTEMPTS} attempts")

    def edit(self, name: str, text: str) -> None:
        """Write a zone's file on the primary."""
        self.nodes["ns1"].write(f"zones/{name}", text)

    def give_way_to(self, kind: str) -> None:
        """Have servers of another make answer our plain zones at our nodes' addresses, to resolvers that start anew."""
        for program in self.nodes.values():
            program.stop()
        zones = {apex: zone.to_text(relativize=False) for apex, zone in self.zones.items()}
        self.nodes = {name: PEERS[kind](name, self.folder / f"{name}-{kind}", zones) for name in NODES}
        for program in self.nodes.values():
            program.start()
        for program in self.nodes.values():
            self.wait_for_answers(program)
        self.start_resolvers_anew()

    def stop_web(self, address: str) -> None:
        self.web[address].stop()

    def start_web(self, address: str) -> None:
        within("web", self.web[address].start)

    def silence(self, machine: str) -> None:
        """Lose every packet to a machine from now on, without a word to the sender."""
        for address in MACHINES[machine]:
            ip("-n", ROUTER, "route", "replace", "blackhole", f"{address}/{128 if ':' in address else 32}")

    def hear(self, machine: str) -> None:
        """Undo `silence`."""
        line = f"line{list(MACHINES).index(machine) + 1}"
        for address in MACHINES[machine]:
            whole = f"{address}/{128 if ':' in address else 32}"
            ip("-n", ROUTER, "route", "del", "blackhole", whole)
            ip("-n", ROUTER, "route", "add", whole, "dev", line)

"""A zone of which every version tells its number in many records at once, and the judge of answers from it.

Each edit changes all of these together, so an answer that holds two of them tells whether they are of one version:

    alias TXT   alias CNAME v<n>          v<n> TXT "<n>"          names that come and go
    mail MX     mail MX <n> host          host A 10.<n>           answer and additional section
    way A       way CNAME pool<n>         pool<n> A 10.<n>        a steered name, which travels as a private record
    gone A      gone CNAME none<n>        SOA                     the serial, which belongs to one number for ever

Beside them stand CHANGING names with the number in a TXT record, for the look at a whole zone, and STILL names that
never change, so that differences are smaller than the zone.
"""

import re
from dataclasses import dataclass

import dns.message
import dns.rcode
import dns.rdata
import dns.rdatatype

APEX = "chaos.example."
CHANGING, STILL = 10, 400
LARGEST = 65535
"""Numbers go into a preference of MX."""
TELLING = 10
"""Addresses that begin so tell a number."""
_EXPECTED = {"alias": ("TXT", 2), "mail": ("MX", 2), "way": ("A", 2), "gone": ("A", 1)}
QUESTIONS = tuple((f"{owner}.{APEX}", qtype) for owner, (qtype, _) in _EXPECTED.items())


class MixedError(Exception):
    """An answer holds data of two versions, or half of what one version has."""


class WrongError(Exception):
    """No answer from the zone at all: another rcode."""


@dataclass(frozen=True, slots=True)
class Version:
    """What an answer tells: the number, and the serial where it holds one."""

    number: int
    serial: int | None = None


def zone_text(number: int, refresh_seconds: int = 20, retry_seconds: int = 3) -> str:
    """The zone's file at version `number`."""
    assert number <= LARGEST
    soa = f"{{refresh: {refresh_seconds}s, retry: {retry_seconds}s, expire: 1h}}"
    address = f"10.0.{number >> 8}.{number & 255}"
    other = address.replace("10.0.", "10.1.", 1)
    names = [f'more{each}: {{type: TXT, value: "{number}"}}\n' for each in range(CHANGING)]
    names += [f"still{each}: {{type: A, value: 192.0.2.{each & 255}}}\n" for each in range(STILL)]
    return f"""\
'': {{type: NS, values: [n1.{APEX}, n2.{APEX}, n3.{APEX}], gslb: {{soa: {soa}}}}}
n1: {{type: A, value: 192.0.2.1}}
n2: {{type: A, value: 192.0.2.2}}
n3: {{type: A, value: 192.0.2.3}}
alias: {{type: CNAME, value: v{number}.{APEX}}}
v{number}: {{type: TXT, value: "{number}"}}
mail: {{type: MX, value: {{preference: {number}, exchange: host.{APEX}}}}}
host: {{type: A, value: {address}}}
way: {{type: CNAME, value: pool{number}.{APEX}}}
pool{number}: {{type: A, ttl: 5, values: [{address}, {other}], gslb: {{weights: {{{address}: 3}}}}}}
gone: {{type: CNAME, value: none{number}.{APEX}}}
{"".join(names)}"""


def judge(answer: dns.message.Message) -> Version:
    """The version that an answer to one of `QUESTIONS` is of. Raises `MixedError` or `WrongError`."""
    owner = answer.question[0].name.labels[0].decode()
    rcode = dns.rcode.NXDOMAIN if owner == "gone" else dns.rcode.NOERROR
    numbers = [
        number
        for section in (answer.answer, answer.additional)
        for rrset in section
        for rdata in rrset
        if (number := number_in(rdata)) is not None
    ]
    if not numbers and answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        raise WrongError(dns.rcode.to_text(answer.rcode()))
    if len(set(numbers)) != 1 or len(numbers) != _EXPECTED[owner][1] or answer.rcode() != rcode:
        raise MixedError(answer.to_text())
    return Version(numbers[0], serial_in(answer))


def serial_in(answer: dns.message.Message) -> int | None:
    serials = [
        rrset[0].serial
        for section in (answer.answer, answer.authority)
        for rrset in section
        if rrset.rdtype == dns.rdatatype.SOA
    ]
    return int(serials[0]) if serials else None


def number_in(rdata: dns.rdata.Rdata) -> int | None:
    """The number that a record tells; None for one that tells none."""
    match rdata.rdtype:
        case dns.rdatatype.TXT:
            return int(rdata.strings[0])
        case dns.rdatatype.MX:
            return int(rdata.preference)
        case dns.rdatatype.A:
            first, _, high, low = (int(part) for part in rdata.address.split("."))
            return high << 8 | low if first == TELLING else None
        case dns.rdatatype.CNAME:
            return int(re.sub(r"\D", "", rdata.target.labels[0].decode()))
        case _:
            return None

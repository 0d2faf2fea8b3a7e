"""`rate_limit` of gslb.yaml: how many replies of a kind over UDP a network of clients gets each second.

Whoever forges a sender's address has us flood it. The limits cut such a flood and leave room for what real resolvers
ask, which keep answers for their TTL. The rates that are not written are those of `responses_per_second`.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from gslb.config.monitors import Duration
from gslb.config.prefixes import Prefix, Prefixes
from gslb.config.validated import Schema

MAX_RATE = 1_000_000
DEFAULT_RATE = 200

Rate = Annotated[int, Field(ge=0, le=MAX_RATE)]


class RateLimitSchema(Schema):
    """Limits of replies over UDP, by network of clients and kind of reply; 0 is no limit."""

    EXAMPLE: ClassVar[str] = "{responses_per_second: 200}, {} for the defaults, or off"

    responses_per_second: Annotated[
        Rate, Field(description="Answers of one name; all names that a wildcard stands in for count as one.")
    ] = DEFAULT_RATE
    referrals_per_second: Annotated[Rate | None, Field(description="Referrals to one zone below.")] = None
    nodata_per_second: Annotated[Rate | None, Field(description="Empty answers of one zone.")] = None
    nxdomains_per_second: Annotated[Rate | None, Field(description="Answers of one zone that a name is not there.")] = (
        None
    )
    errors_per_second: Annotated[Rate | None, Field(description="REFUSED, FORMERR and other errors together.")] = None
    all_per_second: Annotated[Rate, Field(description="Replies of every kind together; 0: no such limit.")] = 0
    burst: Annotated[
        Duration, Field(ge=0.1, le=60, description="So many seconds' replies may come at once after a quiet time.")
    ] = 2.0
    slip: Annotated[
        int, Field(ge=0, le=10, description="Each so many-th reply above a limit goes out cut short; 0: none does.")
    ] = 2
    ipv4_prefix: Annotated[int, Field(ge=8, le=32, description="Length of the networks of IPv4 clients.")] = 24
    ipv6_prefix: Annotated[int, Field(ge=16, le=128, description="Length of the networks of IPv6 clients.")] = 56
    exempt: Annotated[Prefixes, Field(description="Networks without a limit.")] = ()
    log_only: Annotated[bool, Field(description="Count and log what would be limited, and limit nothing.")] = False


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Replies a second of each kind to one network of clients, 0 for no limit; `everything` is for all kinds together.
    `burst_seconds` of a rate may come at once. Each `slip`-th reply above a limit goes out cut short, none for 0.
    Networks have these prefix lengths; what lies within `exempt` is never limited."""

    answers: float = DEFAULT_RATE
    referrals: float = DEFAULT_RATE
    nodata: float = DEFAULT_RATE
    nxdomains: float = DEFAULT_RATE
    errors: float = DEFAULT_RATE
    everything: float = 0.0
    burst_seconds: float = 2.0
    slip: int = 2
    ipv4_prefix: int = 24
    ipv6_prefix: int = 56
    exempt: tuple[Prefix, ...] = ()
    log_only: bool = False


def rate_limits(schema: RateLimitSchema) -> RateLimits:
    """The limits as they are written, with the common rate for kinds that have none of their own."""
    common = schema.responses_per_second

    def rate(own: int | None) -> int:
        return common if own is None else own

    return RateLimits(
        answers=common,
        referrals=rate(schema.referrals_per_second),
        nodata=rate(schema.nodata_per_second),
        nxdomains=rate(schema.nxdomains_per_second),
        errors=rate(schema.errors_per_second),
        everything=schema.all_per_second,
        burst_seconds=schema.burst,
        slip=schema.slip,
        ipv4_prefix=schema.ipv4_prefix,
        ipv6_prefix=schema.ipv6_prefix,
        exempt=schema.exempt,
        log_only=schema.log_only,
    )

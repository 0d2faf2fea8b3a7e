"""The schemas of what a record may have besides its values: `gslb:`, `dynamic:` and octoDNS's health check.

They check each section by itself; what has to fit together is checked by `steering` and by `zone.checks`.
"""

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from gslb.config.durations import parse_seconds
from gslb.config.forms import full_name
from gslb.config.problems import did_you_mean
from gslb.config.validated import Schema
from gslb.steering.policies import POLICIES
from gslb.wire.names import canonical
from gslb.zone.checks import MAX_TTL, MAX_WEIGHT

MAX_ANSWERS = 16
_NOT_YET = "not supported yet: rules by the client's place or network; write one rule without conditions"


def _policy(text: str) -> str:
    if text not in POLICIES:
        raise ValueError(f"unknown policy {text!r}{did_you_mean(text, POLICIES)}")
    return text


def _fraction(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    number, percent = (value[:-1], 100) if value.endswith("%") else (value, 1)
    try:
        fraction = float(number) / percent
    except ValueError:
        fraction = math.nan
    if not 0 <= fraction <= 1:
        raise ValueError(f"{value!r} is not a share; write a fraction such as 0.5, or 50%")
    return fraction


def _soa_name(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if "@" in value:
        local, _, domain = value.partition("@")
        local = local.replace(".", "\\.")
        raise ValueError(f"a mail address is written as a name here: '{local}.{domain.rstrip('.')}.'")
    return canonical(full_name(value))


Weight = Annotated[int, Field(ge=0, le=MAX_WEIGHT)]
StatusWord = Literal["obey", "up", "down", "drain"]
SoaName = Annotated[bytes, BeforeValidator(_soa_name), WithJsonSchema({"type": "string"})]
SoaSeconds = Annotated[
    int, BeforeValidator(parse_seconds), Field(ge=0, le=MAX_TTL), WithJsonSchema({"type": ["integer", "string"]})
]


class SoaSchema(Schema):
    """The SOA that the server makes (RFC 1035 section 3.3.13). Seconds, or durations such as 1h."""

    REFUSED: ClassVar[dict[str, str]] = {"serial": "the server numbers the zone itself; leave the serial out"}

    mname: Annotated[SoaName | None, Field(description="Primary name server; left out: the first NS.")] = None
    rname: Annotated[SoaName | None, Field(description="Mail address as a name; left out: hostmaster.<apex>.")] = None
    refresh: SoaSeconds = 3600
    retry: SoaSeconds = 600
    expire: SoaSeconds = 14 * 86400
    minimum: Annotated[SoaSeconds, Field(description="How long resolvers keep negative answers.")] = 60
    ttl: Annotated[SoaSeconds, Field(description="TTL of the SOA record itself.")] = 3600


class ApexSchema(Schema):
    """`gslb:` in the NS record of the apex."""

    soa: SoaSchema = SoaSchema()


class SteeringSchema(Schema):
    """`gslb:` in an A, AAAA or CNAME record."""

    REFUSED: ClassVar[dict[str, str]] = {"soa": "`soa` belongs into the NS record of the apex"}

    policy: Annotated[
        str,
        AfterValidator(_policy),
        Field(description="How a member is chosen.", json_schema_extra={"enum": [*POLICIES]}),
    ] = "weighted"
    answers: Annotated[int, Field(ge=1, le=MAX_ANSWERS, description="Distinct members in one answer.")] = 1
    monitor: Annotated[Any, Field(description="A monitor of gslb.yaml by name, or one written in place.")] = None
    weights: dict[str, Weight] = Field(default_factory=dict, description="Weight by value; 1 where none is given.")
    priorities: dict[str, Annotated[int, Field(ge=0, le=1_000_000)]] = Field(
        default_factory=dict, description="Priority by value, lower first; the position where none is given."
    )
    status: dict[str, StatusWord] = Field(default_factory=dict, description="State by value, whatever probes find.")
    targets: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict, description="Host to probe by value, where it is not the value itself."
    )
    min_healthy: Annotated[
        float,
        BeforeValidator(_fraction),
        Field(description="Share of a pool that must be available; else its fallback answers."),
        WithJsonSchema({"type": ["number", "string"]}),
    ] = 0.0
    all_down: Annotated[
        Literal["values", "serve_all", "empty", "servfail"],
        Field(description="What is answered when no pool has an available member."),
    ] = "values"


class PoolValueSchema(Schema):
    value: str
    weight: Weight = 1
    status: StatusWord = "obey"


class PoolSchema(Schema):
    values: Annotated[list[PoolValueSchema], Field(min_length=1)]
    fallback: Annotated[str | None, Field(description="Pool that answers when this one has too few.")] = None


class RuleSchema(Schema):
    REFUSED: ClassVar[dict[str, str]] = dict.fromkeys(("geos", "subnets", "asns"), _NOT_YET)

    pool: str


class DynamicSchema(Schema):
    """octoDNS's `dynamic:`."""

    pools: Annotated[dict[str, PoolSchema], Field(min_length=1)]
    rules: Annotated[list[RuleSchema], Field(min_length=1)]


class HealthcheckSchema(Schema):
    """octoDNS's `octodns: {healthcheck: ...}`, read as a monitor."""

    REFUSED: ClassVar[dict[str, str]] = {}

    protocol: Literal["HTTP", "HTTPS", "TCP"] = "HTTPS"
    host: Annotated[str | None, Field(description="Host header; left out: the record's name.")] = None
    path: str = "/_dns"
    port: Annotated[int, Field(ge=1, le=65535)] = 443

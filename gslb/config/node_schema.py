"""gslb.yaml as it is written: every key of the node's file with its type, its bounds, its default and a word on what it
is, of which the JSON Schema is made too. What the keys refer to, and what has to fit together, is `config.node`'s.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from gslb.config.cookies import CookiesSchema, told_octets
from gslb.config.endpoints import DNS_PORT, TLS_PORT, parse_endpoint
from gslb.config.keys import KeySchema
from gslb.config.listed import Texts
from gslb.config.monitors import Duration
from gslb.config.peers import PeerSchema
from gslb.config.prefixes import Prefixes
from gslb.config.rate_limit import RateLimitSchema
from gslb.config.sizes import Size
from gslb.config.tls import TlsSchema
from gslb.config.validated import Schema
from gslb.config.zonelist import ZoneSchema
from gslb.wire.names import canonical, name_from_text

OFF = {"off", "no", "false", "none"}
ON = {"on", "yes", "true"}
DEFAULT_STATE_DIR = Path("/var/lib/gslb")
DEFAULT_API_PORT = 8053


def _endpoints(value: Any, port: int = DNS_PORT) -> Any:
    listed = value if isinstance(value, list) else [value]
    found = [parse_endpoint(text, port) for text in listed if isinstance(text, str)]
    if len(found) != len(listed):
        raise ValueError('write each address as a text, quoted if it has brackets: "[::1]:53"')
    twice = {text for text, endpoint in zip(listed, found, strict=True) if found.count(endpoint) > 1 and endpoint[1]}
    if twice:
        raise ValueError(f"{', '.join(sorted(twice))} is there twice")
    return found


def _tls_endpoints(value: Any) -> Any:
    return _endpoints(value, TLS_PORT)


def _api_endpoint(value: Any) -> Any:
    return parse_endpoint(value, DEFAULT_API_PORT) if isinstance(value, str) else value


def _off_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and value.lower() in OFF else value


def _told(value: Any) -> Any:
    if not isinstance(value, str) or value.lower() in OFF:
        return None if isinstance(value, str) else value
    if value.lower() not in ON:
        told_octets(value)
    return value


def _absolute_name(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return canonical(name_from_text(text))


_ENDPOINT_TEXT = {"type": "string", "examples": ["127.0.0.1:53", "[::1]:53"]}
_ENDPOINTS_SCHEMA = WithJsonSchema(
    {"anyOf": [_ENDPOINT_TEXT, {"type": "array", "items": _ENDPOINT_TEXT, "minItems": 1}]}
)
Endpoints = Annotated[tuple[tuple[str, int], ...], BeforeValidator(_endpoints), _ENDPOINTS_SCHEMA]
TlsEndpoints = Annotated[tuple[tuple[str, int], ...], BeforeValidator(_tls_endpoints), _ENDPOINTS_SCHEMA]
ApiEndpoint = Annotated[tuple[str, int], BeforeValidator(_api_endpoint), WithJsonSchema(_ENDPOINT_TEXT)]
NameText = Annotated[bytes, BeforeValidator(_absolute_name), WithJsonSchema({"type": "string"})]


class ApiSchema(Schema):
    """The HTTP endpoints for operators: metrics, healthz, readyz."""

    EXAMPLE: ClassVar[str] = "{listen: 127.0.0.1:8053}, or off"

    listen: Annotated[ApiEndpoint, Field(description="Address and port; loopback unless you say otherwise.")] = (
        "127.0.0.1",
        DEFAULT_API_PORT,
    )


class LogSchema(Schema):
    EXAMPLE: ClassVar[str] = "{level: debug}"

    format: Annotated[
        Literal["auto", "console", "json"],
        Field(description="auto: console on a terminal, JSON lines elsewhere."),
    ] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class LimitsSchema(Schema):
    EXAMPLE: ClassVar[str] = "{tcp_connections: 2000}"

    tcp_connections: Annotated[int, Field(ge=1, le=1_000_000, description="TCP connections in all.")] = 1000
    tcp_per_client: Annotated[int, Field(ge=1, le=1_000_000, description="TCP connections of one address.")] = 100
    tcp_idle: Annotated[Duration, Field(ge=0.1, le=3600, description="Idle time that ends a TCP connection.")] = 10.0
    udp_size: Annotated[
        int, Field(ge=512, le=4096, description="Largest UDP reply; 1232 passes every path unfragmented.")
    ] = 1232
    probe_concurrency: Annotated[int, Field(ge=1, le=10_000, description="Probes under way at once.")] = 100
    first_round: Annotated[
        Duration,
        Field(ge=0, le=300, description="Time that first transfers and first probes have before answering starts."),
    ] = 10.0
    transfers_out: Annotated[int, Field(ge=1, le=1000, description="Zone transfers to others at once.")] = 10
    transfers_in: Annotated[int, Field(ge=1, le=1000, description="Zone transfers from primaries at once.")] = 4
    transfer_timeout: Annotated[
        Duration, Field(ge=1, le=86400, description="Time that one transfer may take, in or out.")
    ] = 600.0
    transfer_idle: Annotated[
        Duration, Field(ge=0.1, le=3600, description="A transfer that brings no whole message for so long has failed.")
    ] = 10.0
    transfer_size: Annotated[
        Size, Field(ge=1 << 16, le=1 << 36, description="Octets that one transfer from a primary may have.")
    ] = 1 << 30
    journal_size: Annotated[
        Size, Field(ge=1 << 16, le=1 << 36, description="Octets of changes kept of each zone, for IXFR.")
    ] = 64 << 20


class NodeSchema(Schema):
    """The whole of gslb.yaml."""

    REFUSED: ClassVar[dict[str, str]] = {
        "catalog": "not supported yet: catalog zones; name each zone under `zones`",
        "primaries": "`primaries` go with each zone, under `zones`",
    }
    EXAMPLES: ClassVar[dict[str, str]] = {
        "zones": "{example.com: {file: zones/example.com.yaml}}, or for a folder `zones_dir: zones`",
        "monitors": "{web: {probe: http, path: /healthz}}",
        "keys": "{xfr: {algorithm: hmac-sha256, file: xfr.key}}",
        "peers": "{ns2: {address: 192.0.2.2, key: xfr}}",
    }

    node: Annotated[str | None, Field(min_length=1, description="Name of this node; left out: the host's.")] = None
    listen: Annotated[Endpoints, Field(description="Addresses, with a port if it is not 53.")] = (
        ("0.0.0.0", 53),  # noqa: S104  # a DNS server answers on every address
        ("::", 53),
    )
    listen_tls: Annotated[
        TlsEndpoints, Field(description="Addresses for DNS over TLS, with a port if it is not 853; needs `tls`.")
    ] = ()
    tls: Annotated[
        TlsSchema | None,
        BeforeValidator(_off_is_none),
        Field(description="Certificate and key of `listen_tls`, or off."),
    ] = None
    state_dir: Annotated[Path, Field(description="Folder for serials, verdicts, overrides.")] = DEFAULT_STATE_DIR
    api: Annotated[
        ApiSchema | None,
        BeforeValidator(_off_is_none),
        Field(description="HTTP endpoints for operators, or off."),
    ] = ApiSchema()
    log: LogSchema = LogSchema()
    nsid: Annotated[
        str | None,
        BeforeValidator(_told),
        Field(description="What the node says to queries for its NSID or id.server: a text; on: its name; or off."),
        WithJsonSchema({"type": ["string", "boolean"]}),
    ] = None
    version: Annotated[
        str | None,
        BeforeValidator(_told),
        Field(description="What the node says to queries for version.bind: a text; on: the program's version; or off."),
        WithJsonSchema({"type": ["string", "boolean"]}),
    ] = None
    cookies: Annotated[
        CookiesSchema | None, BeforeValidator(_off_is_none), Field(description="DNS cookies, or off.")
    ] = CookiesSchema()
    rate_limit: Annotated[
        RateLimitSchema | None,
        BeforeValidator(_off_is_none),
        Field(description="Response rate limiting over UDP; left out, or off: none."),
    ] = None
    monitors: dict[str, Any] = Field(default_factory=dict, description="Named monitors, for zones to refer to.")
    keys: dict[str, KeySchema] = Field(default_factory=dict, description="TSIG keys by name.")
    peers: dict[str, PeerSchema] = Field(
        default_factory=dict, description="Other name servers that zones are exchanged with, by name."
    )
    notify: Annotated[Texts, Field(description="Peers told of changes, for zones that do not say.")] = ()
    allow_transfer: Annotated[
        Texts,
        Field(description="Who may fetch zones that do not say: peers, key:NAME, networks. Left out: nobody."),
    ] = ()
    allow_query: Annotated[
        Texts | None,
        Field(description="Who may ask for zones that do not say: networks, key:NAME, peers. Left out: everyone."),
    ] = None
    probe_allow: Annotated[
        Prefixes | None,
        Field(description="Networks in which a transferred zone may have this node probe; left out: anywhere."),
    ] = None
    nameservers: list[NameText] = Field(
        default_factory=list,
        description="NS records for zones that have none at their apex; the first is the SOA's mname.",
    )
    zones: dict[str, ZoneSchema] = Field(default_factory=dict, description="Zones by apex.")
    zones_dir: Annotated[
        Path | None, Field(description="Folder of which every <apex>.yaml and <apex>.zone is served.")
    ] = None
    zones_dir_grace: Annotated[
        Duration,
        Field(ge=0, le=86400, description="How long a zone is served on when its file is gone from zones_dir."),
    ] = 600.0
    limits: LimitsSchema = LimitsSchema()

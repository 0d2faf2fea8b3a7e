"""http and https: one request, whose status (and, if wanted, body) must be as configured.

The connection goes to the monitor's target; the Host header and the TLS server name are said separately, so that a
probe can ask one address for the site that it serves. Redirects are not followed (a 3xx is a status like any other),
proxies of the environment are not used, compression is not asked for, cookies are not kept.

https verifies the certificate against the name in `sni`, unless `verify` is off.
"""

import contextlib
import ipaddress
import re
import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from yarl import URL

from gslb import __version__
from gslb.health.probes.probe import (
    Port,
    Probe,
    ProbeFailedError,
    ProbeOptions,
    ProbeResult,
    Progress,
    attempt,
    network_reason,
)
from gslb.health.probes.trust import trust

DEFAULT_STATUS = ("200-399",)
MAX_BODY_LIMIT = 1 << 20
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_STATUS = re.compile(r"([1-5][0-9][0-9])(?:-([1-5][0-9][0-9]))?")
_PATH = re.compile(r"/[!-~]*")
_OURS = {
    "host": "say it as `host`",
    "content-length": "a probe sends no body",
    "transfer-encoding": "a probe sends no body",
    "connection": "each probe has a connection of its own",
    "accept-encoding": "a probe does not unpack",
}


def _listed(value: Any) -> Any:
    """`200`, `200-299` and lists of both, as a list of texts."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(str(item) if isinstance(item, int) else item for item in values)


def _checked_status(ranges: tuple[str, ...]) -> tuple[str, ...]:
    if not ranges:
        raise ValueError("no status is wanted; leave the option out for 200-399")
    for text in ranges:
        match = _STATUS.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text!r} is no status: write a code such as 200, or a range such as 200-299 (100 to 599)"
            )
        if match[2] is not None and match[2] < match[1]:
            raise ValueError(f"the range {text!r} runs backwards: write {match[2]}-{match[1]}")
    return ranges


def _checked_path(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError(f"a path starts with a slash: write {'/' + path!r}")
    if _PATH.fullmatch(path) is None or "#" in path:
        raise ValueError("a path has printable ASCII only, without spaces or #: write the rest as %XX")
    return path


def _checked_host(host: str) -> str:
    if host and re.fullmatch(r"[!-~]+", host) is None:
        raise ValueError(f"{host!r} is no host: a name or an address, and maybe a port, without spaces")
    return host


def _checked_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if _TOKEN.fullmatch(name) is None:
            raise ValueError(f"{name!r} is no header name (RFC 9110 section 5.1)")
        if name.lower() in _OURS:
            raise ValueError(f"the header {name} cannot be set here: {_OURS[name.lower()]}")
        if not value.isprintable():
            raise ValueError(f"the header {name} holds a line break or another control character")
    return headers


StatusRanges = Annotated[
    tuple[str, ...],
    BeforeValidator(_listed),
    AfterValidator(_checked_status),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["integer", "string"]},
                {"type": "array", "minItems": 1, "items": {"type": ["integer", "string"]}},
            ]
        }
    ),
]


class HttpOptions(ProbeOptions):
    port: Annotated[Port, Field(description="Port to connect to.")] = 80
    method: Annotated[Literal["GET", "HEAD", "POST", "OPTIONS"], Field(description="Method of the request.")] = "GET"
    path: Annotated[str, AfterValidator(_checked_path), Field(description="Path and query to ask for.")] = "/"
    host: Annotated[
        str,
        AfterValidator(_checked_host),
        Field(description="Host header. Empty: the target, and the port if unusual."),
    ] = ""
    headers: Annotated[dict[str, str], AfterValidator(_checked_headers)] = Field(
        default_factory=dict, description="Further headers of the request."
    )
    status: Annotated[StatusRanges, Field(description="Statuses that are well: codes, or ranges such as 200-299.")] = (
        DEFAULT_STATUS
    )
    body: Annotated[
        str,
        Field(max_length=4096, description="Text that the body must hold, compared as UTF-8. Empty: not looked at."),
    ] = ""
    body_limit: Annotated[
        int, Field(ge=1, le=MAX_BODY_LIMIT, description="Octets of the body in which `body` is looked for.")
    ] = 65536

    @model_validator(mode="after")
    def _body_can_come(self) -> Self:
        if self.body and self.method == "HEAD":
            raise ValueError("the reply to HEAD has no body: leave `body` out, or use GET")
        return self


class HttpsOptions(HttpOptions):
    port: Annotated[Port, Field(description="Port to connect to.")] = 443
    sni: Annotated[
        str,
        AfterValidator(_checked_host),
        Field(
            description="Server name of the TLS handshake, for which the certificate must stand. "
            "Empty: the host if that is a name, else the target."
        ),
    ] = ""
    verify: Annotated[bool, Field(description="Verify the certificate: its chain, its dates and its name.")] = True
    ca_file: Annotated[str, Field(description="PEM file of the certificates to trust, instead of the system's.")] = ""

    @model_validator(mode="after")
    def _trust_is_used(self) -> Self:
        if self.ca_file and not self.verify:
            raise ValueError("`ca_file` is of no use with `verify: false`")
        if self.ca_file and not Path(self.ca_file).is_absolute():
            raise ValueError(
                "write `ca_file` as an absolute path: a zone may be read on another node, in another folder"
            )
        return self

    def files(self) -> dict[str, Path]:
        return {"ca_file": Path(self.ca_file)} if self.ca_file else {}

    def try_files(self) -> None:
        if self.ca_file:
            trust(self.ca_file, verify=self.verify)


async def run_http(target: str, options: HttpOptions, timeout_seconds: float) -> ProbeResult:
    return await attempt(partial(_ask, "http", target, options, None), timeout_seconds)


async def run_https(target: str, options: HttpsOptions, timeout_seconds: float) -> ProbeResult:
    async def steps(progress: Progress) -> str:
        return await _ask("https", target, options, trust(options.ca_file, verify=options.verify), progress)

    return await attempt(steps, timeout_seconds)


async def _ask(
    scheme: str, target: str, options: HttpOptions, trusted: ssl.SSLContext | None, progress: Progress
) -> str:
    async with _reply(_url(scheme, target, options), options, trusted, progress) as reply:
        said = f"{reply.status} {reply.reason or ''}".strip()
        if not any(_covers(text, reply.status) for text in options.status):
            raise ProbeFailedError(f"{said}, wanted {', '.join(options.status)}")
        if not options.body:
            return said
        progress.doing = "reading the body"
        await _find(reply, options.body.encode(), options.body_limit)
        return f"{said}, body has {options.body!r}"


def _url(scheme: str, target: str, options: HttpOptions) -> URL:
    """The path goes out exactly as it was written; the target is checked to be a host and nothing more."""
    try:
        host = URL.build(scheme=scheme, host=target).host_subcomponent or ""
    except ValueError as error:
        raise ProbeFailedError(f"the target {target!r} is no address or host name: {error}") from None
    path, _, query = options.path.partition("?")
    return URL.build(scheme=scheme, host=host, port=options.port, path=path, query_string=query, encoded=True)


@contextlib.asynccontextmanager
async def _reply(
    url: URL, options: HttpOptions, trusted: ssl.SSLContext | None, progress: Progress
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The reply's status and headers, its body still unread. Errors of HTTP become reasons."""
    connected = aiohttp.TraceConfig()
    connected.on_connection_create_end.append(partial(_now_waiting, progress))
    connector = aiohttp.TCPConnector(force_close=True, use_dns_cache=False, ssl=trusted or True)
    headers = {"User-Agent": f"gslb/{__version__} (health probe)", "Accept-Encoding": "identity"} | options.headers
    if options.host:
        headers["Host"] = options.host
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False,
                trace_configs=[connected],
            ) as session,
            session.request(
                options.method, url, headers=headers, allow_redirects=False, server_hostname=_server_name(options)
            ) as reply,
        ):
            yield reply
    except (aiohttp.ClientError, HttpProcessingError) as error:
        raise ProbeFailedError(_reason(error)) from error


async def _now_waiting(progress: Progress, *_: Any) -> None:
    progress.doing = "waiting for the reply"


def _server_name(options: HttpOptions) -> str | None:
    """What the handshake names and the certificate must stand for; None leaves it to the target."""
    if not isinstance(options, HttpsOptions):
        return None
    return options.sni or _name_in(options.host)


def _name_in(host: str) -> str | None:
    """The name in a Host header; None when it is empty or holds an address."""
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 else host
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None if "[" in name else name or None
    return None


def _covers(text: str, status: int) -> bool:
    low, _, high = text.partition("-")
    return int(low) <= status <= int(high or low)


async def _find(reply: aiohttp.ClientResponse, wanted: bytes, limit: int) -> None:
    got = bytearray()
    while len(got) < limit:
        chunk = await reply.content.readany()
        if not chunk:
            raise ProbeFailedError(f"{reply.status}, but the body lacks {wanted.decode()!r}{_packed(reply)}")
        searched = len(got)
        got += chunk[: limit - searched]
        if got.find(wanted, max(0, searched - len(wanted))) >= 0:
            return
    raise ProbeFailedError(f"{reply.status}, but the body lacks {wanted.decode()!r} in its first {limit} octets")


def _packed(reply: aiohttp.ClientResponse) -> str:
    encoding = reply.headers.get("Content-Encoding", "identity")
    return "" if encoding == "identity" else f" (it came packed as {encoding}, unasked)"


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return network_reason(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return network_reason(error.os_error) or str(error.os_error)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "closed the connection without a reply"
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        return f"not a proper HTTP reply: {error.message}"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the body broke off"
    return network_reason(error) or str(error) or type(error).__name__


HTTP = Probe("an HTTP request is answered with a wanted status, and body", HttpOptions, run_http)
HTTPS = Probe("as http, over TLS with a certificate that verifies", HttpsOptions, run_https)

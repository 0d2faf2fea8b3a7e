"""`cookies`, `nsid` and `version` of gslb.yaml: what the node says of itself.

A secret is 32 hexadecimal digits, the form in which name servers of every make exchange it. It stands in gslb.yaml or
in a file of its own; either way the file may be readable by its owner only. No text of ours ever shows one.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from gslb.config.keys import readable_by_others
from gslb.config.problems import ConfigError, Findings
from gslb.config.textfile import read_text
from gslb.config.validated import Schema

MAX_TOLD_OCTETS = 128


class CookiesSchema(Schema):
    """DNS cookies (RFC 7873, RFC 9018)."""

    EXAMPLE: ClassVar[str] = "{file: cookie.secret}, {} for a secret made at each start, or off"
    IS_SECRET: ClassVar[bool] = True

    secret: Annotated[
        str | None,
        Field(repr=False, description="32 hexadecimal digits, the same on every node; left out: random at each start."),
    ] = None
    file: Annotated[Path | None, Field(description="File that holds the secret, mode 600.")] = None
    previous: Annotated[
        str | None, Field(repr=False, description="Another secret whose cookies are accepted while secrets change.")
    ] = None
    previous_file: Annotated[Path | None, Field(description="File that holds the other secret, mode 600.")] = None
    required: Annotated[
        bool, Field(description="Answer a UDP query whose cookie is not good by BADCOOKIE, for it to come again.")
    ] = False

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.secret is not None and self.file is not None:
            raise ValueError("cookies have either `secret` or `file`")
        if self.previous is not None and self.previous_file is not None:
            raise ValueError("cookies have either `previous` or `previous_file`")
        if self.secret is None and self.file is None and (self.previous or self.previous_file):
            raise ValueError("`previous` goes with a `secret` or `file`")
        return self


@dataclass(frozen=True, slots=True)
class CookieSettings:
    """The secrets, sixteen octets each; `secret` None: the node makes one up."""

    secret: bytes | None = field(default=None, repr=False)
    previous: bytes | None = field(default=None, repr=False)
    required: bool = False


def read_cookies(schema: CookiesSchema, node_file: Path, findings: Findings, line: int) -> CookieSettings:
    """The settings; problems go to `findings` at `line`."""

    def secret(name: str, text: str | None, file: Path | None) -> bytes | None:
        if file is not None:
            path = f"cookies.{'file' if name == 'secret' else 'previous_file'}"
            return _read_secret(node_file.parent / file, None, path, findings, line)
        return None if text is None else _read_secret(node_file, text, f"cookies.{name}", findings, line)

    return CookieSettings(
        secret("secret", schema.secret, schema.file),
        secret("previous", schema.previous, schema.previous_file),
        schema.required,
    )


_WANTED = "32 hexadecimal digits; make them with: openssl rand -hex 16"


def _read_secret(holder: Path, text: str | None, path: str, findings: Findings, line: int) -> bytes | None:
    """A secret that stands in `holder`, as `text` or as all of it."""
    try:
        digits = (read_text(holder, wanted=_WANTED) if text is None else text).strip()
    except ConfigError as error:
        findings.error(line, path, "; ".join(f"{problem.file}: {problem.message}" for problem in error.problems))
        return None
    if readable_by_others(holder):
        findings.error(line, path, f"{holder} holds a secret and others can read it; run: chmod 600 {holder}")
    if not re.fullmatch(r"[0-9A-Fa-f]{32}", digits):
        findings.error(line, path, "the secret is not 32 hexadecimal digits; make one with: openssl rand -hex 16")
        return None
    return bytes.fromhex(digits)


def told_octets(text: str) -> bytes:
    """What `nsid` or `version` says, as octets. Raises `ValueError`."""
    octets = text.encode()
    if not 1 <= len(octets) <= MAX_TOLD_OCTETS:
        raise ValueError(f"must have 1 to {MAX_TOLD_OCTETS} octets")
    return octets

"""TSIG keys (RFC 8945) of gslb.yaml. A secret stands in a file of its own or in gslb.yaml itself; either way the
file that holds it may be readable by its owner only. No text of ours ever shows a secret."""

import base64
import binascii
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from gslb.config.problems import ConfigError, Findings
from gslb.config.textfile import read_text
from gslb.config.validated import Schema
from gslb.wire.names import BadNameError, canonical, name_from_text
from gslb.wire.tsig import Algorithm, TsigKey

_MAX_KEY_FILE_OCTETS = 4096


class KeySchema(Schema):
    """One entry under `keys`; the entry's name is the key's name on the wire."""

    EXAMPLE: ClassVar[str] = "{algorithm: hmac-sha256, file: xfr.key}"
    IS_SECRET: ClassVar[bool] = True

    algorithm: Annotated[Algorithm, Field(description="The MAC, the same on both sides.")] = "hmac-sha256"
    secret: Annotated[str | None, Field(repr=False, description="The secret in base64.")] = None
    file: Annotated[Path | None, Field(description="File that holds the secret in base64, mode 600.")] = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.secret is None) == (self.file is None):
            raise ValueError("a key has either `secret` or `file`")
        return self


def read_key(name: str, schema: KeySchema, node_file: Path, findings: Findings, line: int) -> TsigKey | None:
    """The key, or None when it has problems, which go to `findings` at `line`."""
    path = f"keys.{name}"
    try:
        wire_name = canonical(name_from_text(name))
    except BadNameError as error:
        findings.error(line, path, str(error))
        return None
    if schema.file is None:
        holder, text, path = node_file, schema.secret or "", f"{path}.secret"
    else:
        holder, path = node_file.parent / schema.file, f"{path}.file"
        try:
            text = read_text(holder, wanted="the secret in base64: openssl rand -base64 32")
        except ConfigError as error:
            findings.error(line, path, "; ".join(f"{problem.file}: {problem.message}" for problem in error.problems))
            return None
    if readable_by_others(holder):
        findings.error(line, path, f"{holder} holds a secret and others can read it; run: chmod 600 {holder}")
        return None
    secret = _decoded(text.strip())
    if secret is None:
        findings.error(line, path, f"the secret is not base64 text of at least 8 octets{_shape_hint(text)}")
        return None
    return TsigKey(wire_name, schema.algorithm, secret)


def readable_by_others(path: Path) -> bool:
    """True when the group or anyone else may read the file, or write it."""
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def _shape_hint(text: str) -> str:
    """What to say of a key as BIND or Knot has it: `key "xfr" { algorithm ...; secret "..."; };`, `secret: ...`."""
    if "secret" not in text:
        return ""
    return "; write what stands behind `secret` there, without quotes, and nothing else: no name, no algorithm"


def _decoded(text: str) -> bytes | None:
    if len(text) > _MAX_KEY_FILE_OCTETS:
        return None
    try:
        secret = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return secret if len(secret) >= 8 else None

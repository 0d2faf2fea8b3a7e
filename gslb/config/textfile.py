"""Reads a file of the operator's as text, with one clear problem for whatever stands in the way."""

from pathlib import Path

from gslb.config.problems import ConfigError, Problem

MAX_OCTETS = 256 * 1024 * 1024
"""Far above a zone of a million names; a larger file is a mistake, a disk image for instance."""


def read_text(path: Path, data: bytes | None = None) -> str:
    """The text of the file, or of `data` when that is given. Raises `ConfigError`."""
    if data is None:
        data = _read(path)
    if len(data) > MAX_OCTETS:
        raise _problem(path, 1, f"the file has {len(data)} octets, more than {MAX_OCTETS}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = data[error.start]
        raise _problem(path, line, f"not UTF-8 text: octet 0x{found:02x}; save the file as UTF-8") from None
    if not text.strip():
        raise _problem(path, 1, "the file is empty")
    return text


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise _problem(path, 1, "is a directory; a file is wanted here")
        if path.stat().st_size > MAX_OCTETS:
            raise _problem(path, 1, f"the file has {path.stat().st_size} octets, more than {MAX_OCTETS}")
        return path.read_bytes()
    except FileNotFoundError:
        raise _problem(path, 1, "no such file") from None
    except OSError as error:
        raise _problem(path, 1, f"cannot be read: {error.strerror or error}") from None


def _problem(path: Path, line: int, message: str) -> ConfigError:
    return ConfigError([Problem(str(path), line, "", message)])

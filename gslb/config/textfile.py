"""Reads a file of the operator's as text, with one clear problem for whatever stands in the way.

Files are UTF-8, but for master files: these are octets of which the ASCII ones mean something (RFC 1035 section 5.1),
and what else stands in their comments and texts may be in any encoding.
"""

import re
from pathlib import Path

from gslb.config.problems import ConfigError, Problem

MAX_OCTETS = 256 * 1024 * 1024
"""Far above a zone of a million names; a larger file is a mistake, a disk image for instance."""
_BEYOND_ASCII = re.compile(r"[\x80-\xff]")
_ESCAPED = re.compile(rb"\\(1[2-9]\d|2[0-4]\d|25[0-5])")
_UTF_8_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path, data: bytes | None = None, *, wanted: str = "") -> str:
    """The text of the file, or of `data` when that is given; of an empty one `wanted` says what belongs in it. Raises
    `ConfigError`."""
    data = _within_bounds(path, data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf_8(path, data, error.start) from None
    return _not_empty(path, text, wanted)


def read_master_text(path: Path, data: bytes | None = None, *, is_included: bool = False) -> str:
    r"""The text of a master file, or of `data` when that is given; an octet above 127 is `\DDD` in it. A file that is
    included may be empty. Raises `ConfigError`."""
    data = _within_bounds(path, data)
    if data.startswith(_UTF_16_MARKS):
        raise _not_utf_8(path, data, 0)
    text = data.removeprefix(_UTF_8_MARK).decode("latin-1")
    if not is_included:
        _not_empty(path, text, "the zone's records, its SOA first")
    return text if text.isascii() else _BEYOND_ASCII.sub(lambda match: f"\\{ord(match.group())}", text)


def is_there(path: Path) -> bool:
    """True too for a file that cannot be looked at, as in a folder that this user may not enter: reading it tells."""
    try:
        return path.exists()
    except OSError:
        return True


def path_of_master_text(text: str) -> Path:
    """The path that a master file names."""
    octets = _ESCAPED.sub(lambda match: bytes((int(match[1]),)), text.encode())
    return Path(octets.decode("utf-8", "replace"))


def _within_bounds(path: Path, data: bytes | None) -> bytes:
    if data is None:
        data = _read(path)
    if len(data) > MAX_OCTETS:
        raise _problem(path, 1, f"the file has {len(data)} octets, more than {MAX_OCTETS}")
    return data


def _not_empty(path: Path, text: str, wanted: str) -> str:
    if not text.strip():
        raise _problem(path, 1, f"the file is empty; write {wanted}" if wanted else "the file is empty")
    return text


def _not_utf_8(path: Path, data: bytes, at: int) -> ConfigError:
    line = data.count(b"\n", 0, at) + 1
    return _problem(path, line, f"not UTF-8 text: octet 0x{data[at]:02x}; save the file as UTF-8")


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise _problem(path, 1, "is a directory; a file is wanted here")
        if path.stat().st_size > MAX_OCTETS:
            raise _problem(path, 1, f"the file has {path.stat().st_size} octets, more than {MAX_OCTETS}")
        return path.read_bytes()
    except FileNotFoundError:
        raise _problem(path, 1, "no such file") from None
    except PermissionError as error:
        advice = "let the user that the node runs as read it, and look into its folder"
        raise _problem(path, 1, f"cannot be read: {error.strerror}; {advice}") from None
    except OSError as error:
        raise _problem(path, 1, f"cannot be read: {error.strerror or error}") from None


def _problem(path: Path, line: int, message: str) -> ConfigError:
    return ConfigError([Problem(str(path), line, "", message)])

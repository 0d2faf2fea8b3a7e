"""SOA serial numbers: arithmetic in a circle of 2**32 (RFC 1982), and the next serial of a zone."""

_HALF = 1 << 31
_MASK = (1 << 32) - 1


def is_newer(serial: int, than: int) -> bool:
    """True when `serial` comes after `than` (RFC 1982 section 3.2). Two serials exactly half the circle apart have
    no order; both ways round are False."""
    return 0 < ((serial - than) & _MASK) < _HALF


def nearest(number: int, to: int) -> int:
    """The number without bounds that is `number` modulo 2**32, and nearest to `to`."""
    return to + (number - to + _HALF) % (_MASK + 1) - _HALF


def next_serial(last: int | None, now_seconds: int) -> int:
    """max(last + 1, now) in serial arithmetic: a clock that stands or goes back never makes a serial go back."""
    clock = now_seconds & _MASK
    if last is None:
        return clock or 1
    return clock if is_newer(clock, last) else (last + 1) & _MASK

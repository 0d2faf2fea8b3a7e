"""Changes to DNS messages and to texts that keep enough of their structure to get past the first check of a parser."""

from collections.abc import Sequence
from random import Random

from fuzzing import Mutator

from gslb.wire.edns import render_opt, render_option

_TYPES = (0, 1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 39, 41, 43, 46, 47, 64, 65, 97, 249, 250, 251, 252, 255, 65282, 65535)
_CLASSES = (0, 1, 3, 254, 255)
_OCTETS = (0, 1, 0x0C, 0x20, 0x29, 0x3F, 0x40, 0x41, 0x5A, 0x61, 0x7F, 0x80, 0xC0, 0xFF)
_HEADER = 12

# Any octets


def any_octets(data: bytes, rng: Random) -> bytes:
    """A small change that knows of no structure."""
    changed = bytearray(data)
    at = rng.randrange(len(changed) + 1)
    kind = rng.randrange(6)
    if kind == 0 or not changed:
        changed[at:at] = rng.randbytes(rng.randint(1, 8))
    elif kind == 1:
        del changed[at : at + rng.randint(1, 8)]
    elif kind == 2:
        changed[at % len(changed)] = rng.choice(_OCTETS)
    elif kind == 3:
        changed[at % len(changed)] ^= 1 << rng.randrange(8)
    elif kind == 4:
        changed[at:at] = changed[at : at + rng.randint(1, 40)]
    else:
        start = rng.randrange(len(changed))
        changed[at:at] = changed[start : start + rng.randint(1, 40)]
    return bytes(changed)


def one_of(*mutators: Mutator) -> Mutator:
    """Some of the mutators, one to four in a row."""

    def mutate(data: bytes, rng: Random) -> bytes:
        for _ in range(rng.randint(1, 4)):
            data = rng.choice(mutators)(data, rng)
        return data

    return mutate


# Messages


def question_end(data: bytes) -> int:
    """The offset after the first question, or where it stops being one."""
    position = _HEADER
    while position < len(data) and 0 < data[position] < 64:
        position += 1 + data[position]
    return min(position + 5, len(data))


def _header(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data.ljust(_HEADER, b"\x00"))
    kind = rng.randrange(4)
    if kind == 0:
        changed[2] = rng.choice((0, 1, 0x20, 0x28, 0x80, rng.randrange(256)))
    elif kind == 1:
        changed[3] = rng.choice((0, 0x10, 0x20, 0x30, 0x40, rng.randrange(256)))
    else:
        at = rng.choice((4, 6, 8, 10))
        changed[at : at + 2] = rng.choice((0, 1, 2, 3, 255, 65535)).to_bytes(2, "big")
    return bytes(changed)


def _type_or_class(data: bytes, rng: Random) -> bytes:
    at = question_end(data) - rng.choice((4, 4, 4, 2))
    if at < _HEADER:
        return data
    value = rng.choice(_TYPES if rng.random() < 0.8 else _CLASSES)
    return data[:at] + value.to_bytes(2, "big") + data[at + 2 :]


def _letters(data: bytes, rng: Random) -> bytes:
    end = question_end(data)
    name = bytes(octet ^ 0x20 if chr(octet).isalpha() and rng.random() < 0.5 else octet for octet in data[_HEADER:end])
    return data[:_HEADER] + name + data[end:]


def _label(data: bytes, rng: Random) -> bytes:
    label = rng.choice(
        (b"\x01*", b"\x03www", b"\x01a", b"\x05_gslb", bytes((63,)) + b"l" * 63, b"\x02\x00.", b"\x01\xff")
    )
    count = rng.choice((1, 1, 1, 2, 127))
    return (data[:_HEADER] + label * count + data[_HEADER:])[:4096]


def _appended(data: bytes, record: bytes) -> bytes:
    """The message with one more additional record."""
    if len(data) < _HEADER:
        return data
    count = (int.from_bytes(data[10:12], "big") + 1) & 0xFFFF
    return data[:10] + count.to_bytes(2, "big") + data[12:] + record


def _option(rng: Random) -> bytes:
    code = rng.choice((3, 5, 8, 9, 10, 10, 10, 11, 12, 15, 19, 65001))
    return render_option(code, rng.randbytes(rng.choice((0, 0, 2, 4, 7, 8, 8, 9, 16, 24, 40, 41))))


def _with_opt(data: bytes, rng: Random) -> bytes:
    options = b"".join(_option(rng) for _ in range(rng.choice((0, 0, 1, 1, 2, 5))))
    size = rng.choice((0, 511, 512, 513, 1220, 1232, 1233, 4096, 65535))
    return _appended(
        data, render_opt(rng.choice((0, 0, 0, 16)), dnssec_ok=rng.random() < 0.3, udp_size=size, options=options)
    )


def _with_record(data: bytes, rng: Random) -> bytes:
    owner = rng.choice((b"\x00", b"\xc0\x0c", b"\x01a\x00", b"\xc0\x00", b"\xff\xff"))
    rdata = rng.choice((b"", b"\xc0\x0c", b"\x7f\x00\x00\x01", rng.randbytes(rng.randrange(30))))
    fixed = rng.choice(_TYPES).to_bytes(2, "big") + rng.choice(_CLASSES).to_bytes(2, "big") + rng.randbytes(4)
    return _appended(data, owner + fixed + len(rdata).to_bytes(2, "big") + rdata)


def _pointer(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + (0xC000 | rng.randrange(max(1, len(data)))).to_bytes(2, "big") + data[at + rng.choice((0, 2)) :]


def _cut(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


mutate_message = one_of(
    _header,
    _type_or_class,
    _type_or_class,
    _letters,
    _label,
    _with_opt,
    _with_opt,
    _with_record,
    _pointer,
    _cut,
    any_octets,
)


def after(prefix: int, mutator: Mutator) -> Mutator:
    """`mutator` for what comes after a prefix of so many octets, which say how the target is to look at the rest."""

    def mutate(data: bytes, rng: Random) -> bytes:
        head, rest = data[:prefix].ljust(prefix, b"\x00"), data[prefix:]
        if rng.random() < 0.2:
            head = rng.randbytes(prefix)
        return head + mutator(rest, rng)

    return mutate


# Framed messages


def split_frames(data: bytes) -> list[bytes]:
    """Messages, each after its length; what is left of a last one is one too."""
    found = []
    position = 0
    while position + 2 <= len(data):
        end = position + 2 + int.from_bytes(data[position : position + 2], "big")
        found.append(data[position + 2 : end])
        position = end
    return found


def join_frames(messages: Sequence[bytes]) -> bytes:
    return b"".join(len(message[:65535]).to_bytes(2, "big") + message[:65535] for message in messages)


def each_frame(mutator: Mutator) -> Mutator:
    """`mutator` for one of the messages; or a message is dropped, doubled or put elsewhere."""

    def mutate(data: bytes, rng: Random) -> bytes:
        frames = split_frames(data) or [b""]
        at = rng.randrange(len(frames))
        kind = rng.randrange(8)
        if kind == 0:
            del frames[at]
        elif kind == 1:
            frames.insert(rng.randrange(len(frames) + 1), frames[at])
        elif kind == 2:
            frames.insert(rng.randrange(len(frames)), frames.pop(at))
        else:
            frames[at] = mutator(frames[at], rng)
        return join_frames(frames)

    return mutate


# Texts


def of_words(words: Sequence[str]) -> Mutator:
    """Changes to a text in a format that has these words."""
    octets = [word.encode("utf-8", "surrogatepass") for word in words]

    def word(data: bytes, rng: Random) -> bytes:
        at = rng.randrange(len(data) + 1)
        return data[:at] + rng.choice(octets) + data[at + rng.choice((0, 0, 1, 4)) :]

    def token(data: bytes, rng: Random) -> bytes:
        parts = data.split(b" ")
        parts[rng.randrange(len(parts))] = rng.choice((rng.choice(octets), rng.choice(parts)))
        return b" ".join(parts)

    def line(data: bytes, rng: Random) -> bytes:
        lines = data.split(b"\n")
        at = rng.randrange(len(lines))
        kind = rng.randrange(4)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(rng.randrange(len(lines) + 1), lines[at])
        elif kind == 2:
            lines[at] = b" " * rng.randrange(9) + lines[at].lstrip()
        else:
            lines[at] = lines[at].lstrip() if rng.random() < 0.3 else b"  " + lines[at]
        return b"\n".join(lines)

    return one_of(word, word, token, line, any_octets)

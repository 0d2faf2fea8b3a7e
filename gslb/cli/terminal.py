"""Where output goes. A terminal gets lines as wide as it is; a pipe gets a row a line however long, so that `grep`
finds whole words, without colours and without blanks at the ends of lines.

With thousands of zones a terminal gets the first of what is wrong, counts, and what to type for the rest: that is to be
piped, since a pipe gets all there is."""

from collections.abc import Sequence, Sized
from typing import IO, TypeVar

from rich.console import Console, RenderableType
from rich.text import Text

_WIDE = 4096
_MOST_ROWS = 20
"""Of a kind; of more than that come the first half as many, so that other kinds may be on the same screen."""


RowT = TypeVar("RowT")


def console() -> Console:
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=_WIDE)


def most_rows(stream: IO[str] | None = None) -> int | None:
    """How many rows of a kind a stream gets, standard output where none is given; None: all of them."""
    return _MOST_ROWS if Console(file=stream).is_terminal else None


def fits(rows: Sized, most: int | None) -> bool:
    """True when there are no more rows than `most`, None being no bound."""
    return most is None or len(rows) <= most


def shortened(lines: Sequence[str], most: int | None, rest: str) -> list[str]:
    """The lines where they fit, else the first of them, and how many more there are, with what to type for the
    `rest`."""
    few = first(lines, most)
    return few if len(few) == len(lines) else [*few, f"… and {len(lines) - len(few):,} more: {rest}"]


def first(rows: Sequence[RowT], most: int | None) -> list[RowT]:
    """The rows where they fit, else the first of them."""
    return list(rows if most is None or fits(rows, most) else rows[: most // 2])


def show(view: RenderableType) -> None:
    """Print it to standard output."""
    target = console()
    if target.is_terminal:
        target.print(view)
        return
    with target.capture() as captured:
        target.print(view)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def columns(rows: Sequence[Sequence[Text | str]], heads: Sequence[str] = (), indent: int = 2) -> list[Text]:
    """The rows with their columns one under the other, under bold heads where there are any. No cell is cut short: what
    a terminal is too narrow for goes on in the next line."""
    table = [[Text(head, style="bold") for head in heads]] if heads else []
    table += [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        line = Text(" " * indent)
        for cell, width in zip(row, widths, strict=True):
            line.append_text(cell)
            line.append(" " * (width - cell.cell_len + 2))
        line.rstrip()
        lines.append(line)
    return lines

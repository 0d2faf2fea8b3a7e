"""Where output goes. A terminal gets lines as wide as it is; a pipe gets a row a line however long, so that `grep`
finds whole words, without colours and without blanks at the ends of lines."""

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.text import Text

_WIDE = 4096


def console() -> Console:
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=_WIDE)


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

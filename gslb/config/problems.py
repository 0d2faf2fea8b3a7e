"""What is wrong with a file of the operator's, where, and what would be right.

A reader collects everything it finds in `Findings` and raises once, so that one pass shows every problem of a
file. Nothing is changed by a file with problems; the caller keeps what it had.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding: `path` is the way to it through the keys (`www.A.gslb.weights`), "" for the file as a whole."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: "
        return f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"


class ConfigError(Exception):
    """A file cannot be used. `problems` has all that is wrong, in order of file and line; at least one. `files` are
    those in which its mend may lie besides: what the file includes or names, be it there or not."""

    def __init__(self, problems: Iterable[Problem], files: Iterable[Path] = ()) -> None:
        self.files = frozenset(files)
        self.problems = tuple(sorted(dict.fromkeys(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(slots=True)
class Findings:
    """Collects the problems and warnings of one file (`file` is its name as people know it)."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def error(self, line: int, path: str, message: str) -> None:
        self.problems.append(Problem(self.file, line, path, message))

    def warn(self, line: int, path: str, message: str) -> None:
        self.warnings.append(Problem(self.file, line, path, message))

    def raise_if_any(self) -> None:
        """Raises `ConfigError` when there is any problem; warnings alone pass."""
        if self.problems:
            raise ConfigError(self.problems)


def joined(path: str, *more: object) -> str:
    """The path one or more steps further down: `joined("www.A", "gslb")` is `www.A.gslb`."""
    return ".".join([path, *(str(step) for step in more)] if path else [str(step) for step in more])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'weight'?` when a known word is near, else what is known, else nothing."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(known)}" if known else ""

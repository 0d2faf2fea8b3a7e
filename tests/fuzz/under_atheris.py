"""One target under atheris, in a process of its own: `under_atheris.py TARGET SEED-FOLDER [LIBFUZZER OPTIONS]`.

atheris watches which code of gslb an input reaches, and keeps what reaches more. Half of the changes are libFuzzer's,
half the target's own. fuzz.py starts this and reads what libFuzzer prints.
"""

import sys
from pathlib import Path
from random import Random

import atheris

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent, HERE.parent.parent):  # the targets, the tests' own modules, gslb
    sys.path.insert(0, str(folder))

from fuzzing import load


def main() -> None:
    with atheris.instrument_imports(include=["gslb"]):
        target = load(sys.argv[1])

    def mutate(data: bytes, most_octets: int, seed: int) -> bytes:
        rng = Random(seed)
        changed = atheris.Mutate(data, most_octets) if rng.random() < 0.5 else target.mutate(data, rng)
        return changed[:most_octets]

    atheris.Setup([sys.argv[0], *sys.argv[2:]], target.check, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

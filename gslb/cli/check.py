"""`gslb check`: read files as the node would, and say all that is wrong with them."""

import json
import sys
from pathlib import Path

from gslb.cli.terminal import fits, most_rows, shortened
from gslb.config.node import load_node
from gslb.config.node_config import NodeConfig
from gslb.config.problems import ConfigError, Problem
from gslb.config.sources import ZoneSource, format_of
from gslb.config.textfile import is_there
from gslb.config.versions import StaleSerialError, raised_serial, serial_ahead
from gslb.config.zones import LoadedZone, load_zone
from gslb.wire.names import BadNameError, name_from_text, name_to_text

_REST = "gslb check 2>&1 | less"
_ZONE_SUFFIXES = (".yaml", ".yml", ".zone", ".db")


def check(config_path: Path | None, zone_files: list[Path], *, as_json: bool) -> int:
    """Exit code 0 when all is right (warnings allowed), 2 otherwise."""
    errors: list[Problem] = []
    warnings: list[Problem] = []
    config: NodeConfig | None = None
    if config_path is not None:
        try:
            config = load_node(config_path, zone_files_too=True)
            warnings += config.warnings
        except ConfigError as error:
            errors += error.problems
    sources = (
        [_source(path, config, errors) for path in zone_files]
        if zone_files
        else list(config.zones.values() if config else ())
    )
    checked = [str(config_path)] if config_path is not None and is_there(config_path) else []
    named = not as_json and fits(sources, most_rows())
    for source in sources:
        if source is None:
            continue
        if is_there(source.path):
            checked.append(str(source.path))
        try:
            loaded = load_zone(source, config.monitors if config is not None else {})
        except ConfigError as error:
            errors += error.problems
        else:
            warnings += loaded.warnings
            if config is not None:
                _check_serial(loaded, config.state_dir, errors, warnings)
            if named:
                steered = len(loaded.zone.steered)
                print(f"{source.path}: {name_to_text(source.apex)} {len(loaded.zone.rrsets)} owners, {steered} steered")
    _report(checked, errors, warnings, as_json=as_json, with_config=config_path is not None)
    return 2 if errors else 0


def _check_serial(loaded: LoadedZone, state_dir: Path, errors: list[Problem], warnings: list[Problem]) -> None:
    """Hold the serial that a master file states against what the node of this configuration has served."""
    written = loaded.serial_floor
    if written is None:
        return
    try:
        serial = serial_ahead(state_dir, loaded.zone, written)
    except StaleSerialError as error:
        errors.append(loaded.serial_problem(str(error)))
    except OSError as error:
        advice = "run this as the user that the node runs as"
        said = f"cannot be compared with what was served: {error.strerror or error}: {state_dir}; {advice}"
        warnings.append(loaded.serial_problem(f"its serial {written} {said}"))
    else:
        if serial != written:
            warnings.append(loaded.serial_problem(raised_serial(written, serial)))


def _source(path: Path, config: NodeConfig | None, errors: list[Problem]) -> ZoneSource | None:
    """A zone file's apex is its name without the suffix, as octoDNS has it."""
    text = path.name
    for suffix in _ZONE_SUFFIXES:
        text = text.removesuffix(suffix)
    source_format = format_of(path)
    if source_format is None:
        errors.append(Problem(str(path), 1, "", "end the name in .yaml (octoDNS) or .zone (a master file)"))
        return None
    try:
        nameservers = config.nameservers if config is not None else ()
        return ZoneSource(name_from_text(text).lower(), path, source_format, nameservers)
    except BadNameError as error:
        errors.append(Problem(str(path), 1, "", f"name the file after its zone, as in example.com.yaml: {error}"))
        return None


def _report(
    checked: list[str], errors: list[Problem], warnings: list[Problem], *, as_json: bool, with_config: bool
) -> None:
    if as_json:
        value = {
            "files": checked,
            "errors": [str(problem) for problem in errors],
            "warnings": [str(problem) for problem in warnings],
        }
        print(json.dumps(value, indent=2))
        return
    most = most_rows(sys.stderr)
    for line in shortened([f"warning: {problem}" for problem in warnings], most, _REST):
        print(line, file=sys.stderr)
    for line in shortened([str(problem) for problem in errors], most, _REST):
        print(line, file=sys.stderr)
    if errors:
        where = "" if fits(errors, most) else f" in {_count(len({problem.file for problem in errors}), 'file')}"
        print(f"{_count(len(errors), 'problem')}{where}; {_count(len(checked), 'file')} read", file=sys.stderr)
        if not with_config and any("unknown monitor" in problem.message for problem in errors):
            print("hint: monitors are named in the node's file; give it with -c gslb.yaml", file=sys.stderr)
    else:
        print(f"ok: {_count(len(checked), 'file')}, no problems")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

"""Which configuration a command means: --config, else $GSLB_CONFIG, else ./gslb.yaml where there is one, else the
system's; and the node that goes by it."""

import os
import sys
from pathlib import Path

from gslb.config.node import load_node, state_dir_of
from gslb.config.problems import ConfigError
from gslb.config.textfile import is_there

DEFAULT_CONFIG = "/etc/gslb/gslb.yaml"


class UsageError(Exception):
    """The command line cannot be carried out; the message says what would be right."""


def config_path(named: Path | None) -> Path:
    """The configuration, `named` by --config or not; whether it is there or not."""
    if named is not None:
        return named
    if os.environ.get("GSLB_CONFIG"):
        return Path(os.environ["GSLB_CONFIG"])
    here = Path("gslb.yaml")
    return here if here.exists() else Path(DEFAULT_CONFIG)


def existing(named: Path | None) -> Path:
    """The configuration. Raises `UsageError` when there is none."""
    path = config_path(named)
    if is_there(path):
        return path
    if named is not None:
        raise UsageError(f"-c {path}: no such file")
    if os.environ.get("GSLB_CONFIG"):
        raise UsageError(f"$GSLB_CONFIG says {path}: no such file")
    raise UsageError(
        f"no configuration: there is no gslb.yaml in this folder, and no {DEFAULT_CONFIG}; name the node's file with "
        "-c FILE, or in $GSLB_CONFIG (`gslb demo` needs none)"
    )


def state_dir(named: Path | None) -> Path:
    """Where the node is found. Problems of its file are told, and do not keep from asking a node that runs."""
    path = existing(named)
    try:
        return load_node(path).state_dir
    except ConfigError as error:
        found = state_dir_of(path)
        if found is None:
            raise
        print(f"{error}\n(a running node goes on with the configuration of before)\n", file=sys.stderr)
        return found

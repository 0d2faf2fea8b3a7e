"""The command line: arguments to calls. `--help` teaches; each command shows an example."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TypeAlias

from gslb import __version__
from gslb.api.client import NodeUnreachableError
from gslb.cli import ask
from gslb.cli.check import check
from gslb.cli.config_file import DEFAULT_CONFIG, UsageError, config_path, existing, state_dir
from gslb.cli.serve import serve
from gslb.config.durations import parse_duration
from gslb.config.problems import ConfigError
from gslb.config.record_types import is_type, nearest_types
from gslb.config.schema import json_schema_node, json_schema_zone
from gslb.config.textfile import is_there
from gslb.demo.run import DemoOptions, demo
from gslb.wire.names import BadNameError, name_from_text

_OVERVIEW = """\
An authoritative DNS server that answers with the servers that are alive, in the
shares you asked for.

  gslb demo                     see it work: two nodes and backends on loopback
  gslb check -c gslb.yaml       is what I wrote right?
  gslb serve -c gslb.yaml       run a node
  gslb status                   what is up, what is down, and why
  gslb explain www.example.com  why this answer
  gslb override set ...         take a member out, or back in, by hand
"""
_EXIT_CODES = """\
Exit codes: 0 done, and all is well; 1 it did not work, or something is not
well; 2 the command line or a file is wrong; 130 Ctrl-C before it was done.
"""
_EXIT_CODES_SERVE = """\
Exit codes: 0 stopped, by SIGTERM or Ctrl-C; 1 it could not start; 2 the command
line or a file is wrong; 130 Ctrl-C before it began.
"""
_EXIT_CODES_DEMO = """\
Exit codes: 0 ended by Ctrl-C, or the whole story was seen; 1 something failed,
or not all of the story was seen; 2 the command line is wrong; 130 Ctrl-C
before it began.
"""
_ENDING = f"""\
The configuration is --config, else $GSLB_CONFIG, else ./gslb.yaml where there
is one, else {DEFAULT_CONFIG}.
{_EXIT_CODES}"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; gives its exit code."""
    parsed = parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except UsageError as error:
        print(f"gslb: {error}", file=sys.stderr)
        return 2
    except NodeUnreachableError as error:
        print(f"gslb: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `gslb status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="gslb", description=_OVERVIEW, epilog=_ENDING, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action="version", version=f"gslb {__version__}")
    top.set_defaults(run=partial(_no_action, top))
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    _serve_command(commands)
    _check_command(commands)
    _status_command(commands)
    _explain_command(commands)
    _override_command(commands)
    _cluster_command(commands)
    _reload_command(commands)
    _schema_command(commands)
    _demo_command(commands)
    return top


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  argparse names it no other way
Run = Callable[[argparse.Namespace], int]


def _command(
    commands: Commands,
    name: str,
    summary: str,
    example: str,
    run: Run | None,
    *,
    takes_config: bool = True,
    exit_codes: str = _EXIT_CODES,
) -> argparse.ArgumentParser:
    """A command; `run` None: it has actions, one of which is wanted."""
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n{example}\n\n{exit_codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if takes_config:
        command.add_argument("-c", "--config", type=Path, metavar="FILE", help="gslb.yaml of the node")
    command.set_defaults(run=run or partial(_no_action, command))
    return command


def _action(
    actions: Commands, name: str, summary: str, description: str, example: str, run: Run
) -> argparse.ArgumentParser:
    """An action of a command. --config may stand before it or behind."""
    action: argparse.ArgumentParser = actions.add_parser(
        name,
        help=summary,
        description=description,
        epilog=f"example:\n{example}\n\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    action.set_defaults(run=run)
    action.add_argument("-c", "--config", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="gslb.yaml")
    _json_flag(action)
    return action


def _json_flag(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON, for programs")


def _serve_command(commands: Commands) -> None:
    example = (
        "  gslb serve -c gslb.yaml\n  kill -HUP PID      reads every file again (changed files are noticed anyway)"
    )
    summary = "run a node until SIGTERM or Ctrl-C"
    _command(
        commands,
        "serve",
        summary,
        example,
        lambda args: serve(existing(args.config)),
        exit_codes=_EXIT_CODES_SERVE,
    )


def _check_command(commands: Commands) -> None:
    example = (
        "  gslb check -c gslb.yaml            the node's file and every zone it names\n"
        "  gslb check zones/example.com.yaml  one zone file, named after its zone"
    )
    command = _command(commands, "check", "say all that is wrong with configuration and zones", example, _check)
    command.add_argument("zone", nargs="*", type=Path, help="zone files; without any, those of the configuration")
    _json_flag(command)


def _check(args: argparse.Namespace) -> int:
    config = config_path(args.config)
    if args.zone and args.config is None and not is_there(config):
        return check(None, args.zone, as_json=args.json)
    return check(config if args.json else existing(args.config), args.zone, as_json=args.json)


def _status_command(commands: Commands) -> None:
    example = "  gslb status\n  gslb status --watch\n  gslb status --json | jq '.members[] | select(.health != \"up\")'"
    command = _command(
        commands, "status", "show zones, members with state and reason, and what is wrong", example, _status
    )
    command.add_argument("-w", "--watch", action="store_true", help="show it anew every second")
    _json_flag(command)


def _status(args: argparse.Namespace) -> int:
    return ask.status(state_dir(args.config), as_json=args.json, watch=args.watch)


def _explain_command(commands: Commands) -> None:
    example = "  gslb explain www.example.com --client 203.0.113.9\n  gslb explain example.com MX"
    command = _command(commands, "explain", "tell why a name is answered as it is", example, _explain)
    command.add_argument("name", help="the name, as in dig")
    command.add_argument("type", nargs="?", help="record type (A)")
    command.add_argument("-t", "--type", dest="type_too", metavar="TYPE", help="the type too, as host has it")
    command.add_argument("--client", metavar="ADDRESS", help="the client that asks")
    _json_flag(command)


def _explain(args: argparse.Namespace) -> int:
    if args.type is not None and args.type_too is not None:
        raise UsageError(f"the type is there twice: {args.type}, and --type {args.type_too}")
    rtype = args.type or args.type_too or "A"
    _check_question(args.name, rtype, args.client)
    return ask.explain(state_dir(args.config), args.name, rtype, args.client, as_json=args.json)


def _check_question(name: str, rtype: str, client: str | None) -> None:
    """Raises `UsageError` with what was likely meant."""
    if not is_type(rtype):
        if is_type(name):
            raise UsageError(f"the name comes first: gslb explain {rtype} {name}")
        hint = nearest_types(rtype) or f"; write e.g. gslb explain {name} TXT"
        raise UsageError(f"{rtype!r} is not a record type{hint}")
    try:
        name_from_text(name)
    except BadNameError as error:
        raise UsageError(str(error)) from None
    try:
        ip_address(client or "::1")
    except ValueError:
        said = f"--client {client!r} is not an address; write one like 203.0.113.9 or 2001:db8::9"
        raise UsageError(said) from None


def _override_command(commands: Commands) -> None:
    example = (
        "  gslb override set www.example.com 192.0.2.1 drain --for 1h --note 'disk swap'\n"
        "  gslb override clear www.example.com 192.0.2.1\n"
        "  gslb override list\n\n"
        "An override holds on this node only, survives restarts, and wins over the zone's\n"
        "`status` and the probes. For all nodes, set `status` in the zone file."
    )
    command = _command(commands, "override", "take a member out, or back in, by hand, on this node", example, None)
    actions = command.add_subparsers(metavar="ACTION")
    for name, summary, run, sample in (
        ("set", "set an override", _override_set, "www.example.com 192.0.2.1 drain --for 1h --note 'disk swap'"),
        ("clear", "remove an override", _override_clear, "www.example.com 192.0.2.1"),
        ("list", "list the overrides of this node", _override_list, ""),
    ):
        described = summary[0].upper() + summary[1:] + "."
        action = _action(actions, name, summary, described, f"  gslb override {name} {sample}".rstrip(), run)
        if name != "list":
            action.add_argument("name", help="the steered name")
            action.add_argument("member", help="the member's value, as `gslb status` shows it")
            action.add_argument("--type", help="record type, where the name has several steered ones")
        if name == "set":
            action.add_argument("state", choices=["up", "down", "drain"], help="what the member is to be")
            action.add_argument(
                "--for", dest="lasting", metavar="TIME", help="how long, as 30m or 2h; else until cleared"
            )
            action.add_argument("--note", help="why, for whoever looks next")


def _no_action(command: argparse.ArgumentParser, _: argparse.Namespace) -> int:
    """What to write is missing: all that could be."""
    command.print_help(sys.stderr)
    return 2


def _override_set(args: argparse.Namespace) -> int:
    try:
        seconds = parse_duration(args.lasting) if args.lasting else None
    except ValueError as error:
        print(f"gslb: --for: {error}", file=sys.stderr)
        return 2
    request = {"name": args.name, "member": args.member, "type": args.type, "state": args.state}
    return ask.set_override(
        state_dir(args.config), request | {"note": args.note, "seconds": seconds}, as_json=args.json
    )


def _override_clear(args: argparse.Namespace) -> int:
    request = {"name": args.name, "member": args.member, "type": args.type}
    return ask.clear_override(state_dir(args.config), request, as_json=args.json)


def _override_list(args: argparse.Namespace) -> int:
    return ask.list_overrides(state_dir(args.config), as_json=args.json)


def _cluster_command(commands: Commands) -> None:
    example = "  gslb cluster status\n  gslb cluster status --json | jq '.troubles[]'"
    summary = "compare what the nodes of the cluster serve and see"
    command = _command(commands, "cluster", summary, example, None)
    actions = command.add_subparsers(metavar="ACTION")
    _action(
        actions,
        "status",
        "per zone and node: serial, lag, last transfer, reachability; members seen differently",
        "Ask every peer how it stands. Exit code 1 when nodes differ, or one\ncannot be reached.",
        "  gslb cluster status -c gslb.yaml || echo 'nodes differ'",
        _cluster_status,
    )


def _cluster_status(args: argparse.Namespace) -> int:
    return ask.cluster_status(state_dir(args.config), as_json=args.json)


def _reload_command(commands: Commands) -> None:
    command = _command(commands, "reload", "read every file again now", "  gslb reload", _reload)
    _json_flag(command)


def _reload(args: argparse.Namespace) -> int:
    return ask.reload(state_dir(args.config), as_json=args.json)


def _demo_command(commands: Commands) -> None:
    example = (
        "  gslb demo                live: kill and revive backends and nodes, edit, watch\n"
        "  gslb demo --for 60s      plays the story by itself; exit code 0: saw all of it\n"
        "  gslb demo --dir ./demo   keeps the files and your edits"
    )
    summary = "run two nodes and three live backends on loopback, to play with"
    command = _command(commands, "demo", summary, example, _demo, takes_config=False, exit_codes=_EXIT_CODES_DEMO)
    command.add_argument("--dir", type=Path, metavar="DIR", help="folder that keeps its files; else a temporary one")
    command.add_argument("--port", type=int, help="DNS port of the primary; else one that is free")
    command.add_argument("--for", dest="lasting", metavar="TIME", help="run unattended, for so long at most, as 60s")
    _json_flag(command)


def _demo(args: argparse.Namespace) -> int:
    try:
        seconds = parse_duration(args.lasting) if args.lasting else None
    except ValueError as error:
        print(f"gslb demo: --for: {error}", file=sys.stderr)
        return 2
    return demo(DemoOptions(args.dir, args.port, seconds, args.json))


def _schema_command(commands: Commands) -> None:
    example = (
        "  gslb schema zone > zone.schema.json\n"
        "  and as the first line of a zone file:\n"
        "  # yaml-language-server: $schema=zone.schema.json"
    )
    summary = "print the JSON Schema of gslb.yaml or of a zone file, for editors"
    command = _command(commands, "schema", summary, example, _schema, takes_config=False)
    command.add_argument("file", choices=["node", "zone"], help="node: gslb.yaml; zone: a zone file")


def _schema(args: argparse.Namespace) -> int:
    print(json.dumps(json_schema_node() if args.file == "node" else json_schema_zone(), indent=2))
    return 0

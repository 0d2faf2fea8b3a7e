"""pydantic models over the YAML tree: every error of a model becomes a problem with its line.

A location of pydantic (`("monitors", "web", "port")`) is walked down the tree to the line where that key stands.
A model may name in `REFUSED` keys that people may well write, with what is said to them; they are never ignored.
"""

import re
import typing
from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from gslb.config.problems import Findings, did_you_mean, joined
from gslb.config.yamltext import Mapping, Node, Sequence, Text, quote_hint

_WORDS = {
    "missing": "is missing",
    "string_type": "must be text",
    "dict_type": "must be a mapping of keys",
    "model_type": "must be a mapping of keys",
    "model_attributes_type": "must be a mapping of keys",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "greater_than": "must be more than {gt}",
    "less_than": "must be less than {lt}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "literal_error": "must be one of {expected}",
    "value_error": "{error}",
}
"""What is said for each kind of pydantic error; another kind is said in pydantic's own words."""


_NO_MAPPING = {"dict_type", "model_type", "model_attributes_type"}
_WORDS_FOR_ON = {"on", "yes", "true", "default"}
_PLAIN = re.compile(r"[\w./][\w./:-]*", re.ASCII)


class Schema(BaseModel):
    """The base of our models: frozen, unknown keys are problems. `EXAMPLE` is one in a line, shown where something
    else stands; `IS_SECRET`: what stands there then may be a secret, and is not shown. `EXAMPLES` are those of fields
    that are mappings of names."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    REFUSED: ClassVar[dict[str, str]] = {}
    EXAMPLE: ClassVar[str] = ""
    EXAMPLES: ClassVar[dict[str, str]] = {}
    IS_SECRET: ClassVar[bool] = False


ModelT = TypeVar("ModelT", bound=BaseModel)


def validated(
    model: type[ModelT], node: Node, findings: Findings, path: str, also_known: Iterable[str] = ()
) -> ModelT | None:
    """The model made of `node`, or None when it has problems, which go to `findings` under `path`. Keys with nothing
    or null behind them count as left out. `also_known` are further keys to suggest for a misspelt one."""
    if isinstance(node, Text) and node.is_null:
        node = empty_mapping(node.line)
    try:
        return model.model_validate(without_nulls(node))
    except ValidationError as error:
        for detail in error.errors():
            _report(model, detail, node, findings, path, also_known)
        return None


def empty_mapping(line: int) -> Mapping:
    mapping = Mapping()
    mapping.line, mapping.nodes = line, 1
    return mapping


def without_nulls(node: Node) -> Any:
    """The tree as plain values, keys with nothing or null behind them left out."""
    if isinstance(node, Mapping):
        return {
            str(key): without_nulls(value)
            for key, value in node.items()
            if not (isinstance(value, Text) and value.is_null)
        }
    if isinstance(node, Sequence):
        return [without_nulls(item) for item in node]
    return str(node)


def _report(
    model: type[BaseModel],
    detail: ErrorDetails,
    node: Node,
    findings: Findings,
    path: str,
    also_known: Iterable[str],
) -> None:
    line, steps, at = _walk(node, detail["loc"])
    if detail["type"] == "extra_forbidden":
        message = _unknown_key(_model_at(model, detail["loc"][:-1]), str(detail["loc"][-1]), also_known)
    else:
        message = _message(detail, at)
        if detail["type"] in _NO_MAPPING:
            message = _no_mapping(model, detail["loc"], message, at)
    findings.error(line, joined(path, *steps), message)


def _walk(node: Node, location: tuple[int | str, ...]) -> tuple[int, list[str], Node | None]:
    """The line, the path steps and the node of a location; steps that are pydantic's own (the branches of a union)
    are left out, and a key that is missing is told at the mapping it should be in."""
    line, steps = node.line, []
    at: Node | None = node
    for step in location:
        if isinstance(at, Mapping) and step != "[key]":
            steps.append(str(step))
            line = at.key_line(str(step))
            at = next((value for key, value in at.items() if key == str(step)), None)
        elif isinstance(at, Sequence) and isinstance(step, int) and step < len(at):
            steps.append(str(step))
            at = at[step]
            line = at.line
        elif at is None:
            steps.append(str(step))
    return line, steps, at


def _message(detail: ErrorDetails, at: Node | None) -> str:
    words = _WORDS.get(detail["type"])
    said = words.format(**detail.get("ctx", {})) if words else detail["msg"]
    if at is None:
        return said
    if isinstance(at, Text):
        return said if detail["type"] == "value_error" else f"{said}, not {str(at)!r}"
    hint = quote_hint(at)
    return f"{said}; {hint}" if hint else said


def _no_mapping(model: type[BaseModel], location: tuple[int | str, ...], message: str, at: Node | None) -> str:
    """What is said where a mapping belongs and something else stands: with what was likely meant, or an example."""
    wanted = _model_at(model, location) if not _is_of_names(model, location) else None
    if wanted is None:
        container = _model_at(model, location[:-1])
        example = getattr(container, "EXAMPLES", {}).get(location[-1] if location else "", "")
        return f"{message}; write e.g. {example}" if example else message
    if getattr(wanted, "IS_SECRET", False):
        message = _WORDS["model_type"]
    elif isinstance(at, Text) and at.lower() not in _WORDS_FOR_ON and (meant := _as_one_key(wanted, at)):
        return f"{message}; did you mean {meant}?"
    example = getattr(wanted, "EXAMPLE", "")
    return f"{message}; write e.g. {example}" if example else message


def _is_of_names(model: type[BaseModel], location: tuple[int | str, ...]) -> bool:
    """True for a field that is a mapping of names to models, such as `zones`."""
    container = _model_at(model, location[:-1])
    field = container.model_fields.get(str(location[-1])) if container is not None and location else None
    return field is not None and typing.get_origin(field.annotation) is dict


def _as_one_key(model: type[BaseModel], text: str) -> str:
    """`{level: debug}` for a text that is right behind one key of the model by itself, else ""."""
    for name, field in model.model_fields.items():
        if field.annotation is bool:
            continue
        try:
            model.model_validate({name: text})
        except ValidationError:
            continue
        return "{" + f"{name}: {text}" + "}" if _PLAIN.fullmatch(text) else "{" + f'{name}: "{text}"' + "}"
    return ""


def _unknown_key(model: type[BaseModel] | None, key: str, also_known: Iterable[str]) -> str:
    if model is None:
        return f"unknown key {key!r}"
    refused: dict[str, str] = getattr(model, "REFUSED", {})
    if key in refused:
        return refused[key]
    known = [field.alias or name for name, field in model.model_fields.items()]
    return f"unknown key {key!r}{did_you_mean(key, [*known, *also_known])}"


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model that stands at a location below `model`."""
    found: type[BaseModel] | None = model
    for step in location:
        if found is None:
            return None
        by_key = {field.alias or name: field for name, field in found.model_fields.items()}
        if step in by_key:
            found = _model_in(by_key[str(step)].annotation)
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first model in an annotation: `dict[str, Zone]`, `Annotated[Limits | None, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, typing.get_args(annotation))), None)

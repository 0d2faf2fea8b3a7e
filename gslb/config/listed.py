"""Fields that hold a list of texts, of which one alone may stand without brackets: `key: new`, `key: [new, old]`."""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from gslb.config.yamltext import Node, Sequence, Text

_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_SOME_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _at_least_one(value: Any) -> Any:
    if value in ([], ""):
        raise ValueError("must have at least one entry")
    return _as_list(value)


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_list), WithJsonSchema(_TEXTS)]
"""Any number of texts, none included."""

SomeTexts = Annotated[tuple[str, ...], BeforeValidator(_at_least_one), WithJsonSchema(_SOME_TEXTS)]
"""One text or more."""


def texts_of(node: Node | None) -> list[Text]:
    """The texts of a field that fits `Texts`, with their lines; none where the key is left out or does not fit."""
    if isinstance(node, Text):
        return [] if node.is_null else [node]
    return [item for item in node if isinstance(item, Text)] if isinstance(node, Sequence) else []

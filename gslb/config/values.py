r"""The values of records, from octoDNS's forms to wire bytes.

A type that octoDNS does not know takes master-file text, and a type called `TYPE<number>` the generic form
`\# <octets> <hex>` (RFC 3597).
"""

from gslb.config.forms import FORMS, SVCB_FIELDS, SVCPARAMS, Field, FieldsForm
from gslb.config.problems import did_you_mean
from gslb.config.shapes import mapping_advice, not_of_yaml_shape
from gslb.config.yamltext import Mapping, Node, Sequence, Text, quote_hint
from gslb.wire.names import ROOT, BadNameError, Name
from gslb.wire.rdata import RdataError, rdata_from_text


class BadValueError(ValueError):
    """A value that does not fit its type. `line` is where it stands, `key` the field that is wrong, if it is one."""

    def __init__(self, message: str, line: int, key: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.key = key


def read_value(type_name: str, rtype: int, node: Node, apex: Name) -> bytes:
    """The rdata of one value. Raises `BadValueError`."""
    form = FORMS.get(type_name)
    try:
        if isinstance(form, FieldsForm):
            return _read_fields(type_name, form, node)
        text = _text_of(node)
        return form.parse(text) if form is not None else rdata_from_text(rtype, text, apex)
    except BadValueError:
        raise
    except RdataError as error:
        said = not_of_yaml_shape(type_name, error.text, error.reason) or str(error)
        raise BadValueError(said, node.line) from None
    except BadNameError as error:
        raise BadValueError(f"{error}{mapping_advice(type_name)}", node.line) from None
    except ValueError as error:
        raise BadValueError(str(error), node.line) from None


def _text_of(node: Node) -> str:
    if not isinstance(node, Text):
        raise BadValueError(quote_hint(node) or "must be a text", node.line)
    if node.is_absent:
        raise BadValueError("the value is missing", node.line)
    return str(node)


def _read_fields(type_name: str, form: FieldsForm, node: Node) -> bytes:
    advice = mapping_advice(type_name)
    if not isinstance(node, Mapping):
        keys = ", ".join(item.name for item in form.fields)
        raise BadValueError(f"must be a mapping with the keys {keys}{advice}", node.line)
    fields = _shape_of(form, node)
    known = {name for item in fields for name in (item.name, *item.aliases)}
    with_params = fields is SVCB_FIELDS
    if with_params:
        known.add(SVCPARAMS)
    for key, _ in node.entries():
        if key not in known:
            raise BadValueError(f"unknown key {str(key)!r}{did_you_mean(key, known)}", key.line)
    missing = next((item.name for item in fields if item.default is None and not _present(item, node)), None)
    if missing is not None:
        raise BadValueError(f"{missing} is missing{advice if fields is form.fields else ''}", node.line)
    parts = [_render(item, node) for item in fields]
    if with_params and SVCPARAMS in node:
        parts += _render_svcparams(node[SVCPARAMS])
    return rdata_from_text(form.rtype, " ".join(parts), ROOT)


def _shape_of(form: FieldsForm, node: Mapping) -> tuple[Field, ...]:
    only_former = {item.name for item in form.former} - {item.name for item in form.fields}
    return form.former if only_former & set(node) else form.fields


def _present(item: Field, node: Mapping) -> list[str]:
    """The keys of the node that mean this field."""
    return [key for key in (item.name, *item.aliases) if key in node]


def _render(item: Field, node: Mapping) -> str:
    present = _present(item, node)
    if len(present) > 1:
        raise BadValueError(f"{present[0]} and {present[1]} mean the same; write one", node.key_line(present[1]))
    if not present:
        return item.default or ""
    value = node[present[0]]
    try:
        return item.render(_text_of(value))
    except ValueError as error:
        raise BadValueError(str(error), node.key_line(present[0]), present[0]) from None


def _render_svcparams(node: Node) -> list[str]:
    """The SvcParams in master-file text (RFC 9460 section 2.1): a list is joined by commas, nothing is a bare key."""
    if not isinstance(node, Mapping):
        raise BadValueError("must be a mapping of SvcParams", node.line, SVCPARAMS)
    found = []
    for key, value in node.entries():
        if isinstance(value, Text) and value.is_null:
            found.append(str(key))
            continue
        items = value if isinstance(value, Sequence) else [value]
        joined = ",".join(_text_of(item) for item in items)
        found.append(f'{key}="{joined}"')
    return found

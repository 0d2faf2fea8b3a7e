"""The examples that are shown for wrong values are right ones, and the same in a master file and in zone YAML."""

import pytest

from gslb.config.forms import FORMS, FieldsForm
from gslb.config.record_types import record_type
from gslb.config.shapes import SHAPES, not_of_shape
from gslb.config.values import read_value
from gslb.config.yamltext import parse_yaml
from gslb.wire.codes import type_from_text
from gslb.wire.names import ROOT
from gslb.wire.rdata import RdataError, rdata_from_text

WRONG = ["mail", "1", "x y z", "\\", '"', "10 a..b.", "1 2 3 4 5 6 7 8 9"]
PARSERS_WORDS = ("malformed", "expecting", "identifier", "EOL", "SyntaxError", "got 3")


@pytest.mark.parametrize("type_name", SHAPES)
def test_each_example_is_right_as_it_stands(type_name: str) -> None:
    rtype = type_from_text(type_name)
    shape = SHAPES[type_name]
    rdata = rdata_from_text(rtype, shape.example, ROOT)
    if type_name not in FORMS:
        return
    node = parse_yaml(f"[{shape.mapping or shape.example}]" if shape.mapping else shape.example, "z.yaml")
    assert node is not None
    value = node[0] if shape.mapping else node
    assert read_value(type_name, record_type(type_name), value, ROOT) == rdata


def test_every_type_that_zone_yaml_has_fields_for_has_a_shape_with_them() -> None:
    for type_name, form in FORMS.items():
        if type_name == "SPF":  # obsolete (RFC 7208 section 3.1); any text is one
            continue
        assert bool(SHAPES[type_name].mapping) == isinstance(form, FieldsForm), type_name


@pytest.mark.parametrize("type_name", SHAPES)
@pytest.mark.parametrize("text", WRONG)
def test_no_words_of_a_parser_are_shown(type_name: str, text: str) -> None:
    try:
        rdata_from_text(type_from_text(type_name), text, ROOT)
    except RdataError as error:
        said = not_of_shape(type_name, text, error.reason)
        assert said is not None
        assert SHAPES[type_name].example in said
        assert not any(word in said for word in PARSERS_WORDS), said

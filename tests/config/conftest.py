"""What the tests of the readers share: a test file's own `load`, and this `refused`."""

import pytest

from gslb.config.node import load_node
from gslb.config.problems import ConfigError


@pytest.fixture
def load(tmp_path):
    """Reads this text as gslb.yaml."""

    def write_and_load(text):
        path = tmp_path / "gslb.yaml"
        path.write_text(text)
        path.chmod(0o600)
        return load_node(path)

    return write_and_load


@pytest.fixture
def refused(load, tmp_path):
    """What `load` says is wrong, with names of files from the test's folder on."""

    def problems(*text, **more):
        with pytest.raises(ConfigError) as caught:
            load(*text, **more)
        return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]

    return problems

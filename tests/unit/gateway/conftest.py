"""A gateway without sockets."""

import pytest
from tests.fakes.gateway_world import GatewayWorld


@pytest.fixture
def world(tmp_path):
    made = GatewayWorld(tmp_path)
    yield made
    made.close()

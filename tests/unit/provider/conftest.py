import pytest
from tests.fakes.provider_host import Terraform, WiredClient
from tests.fakes.registry import furnished


@pytest.fixture
def registry():
    """A registry with an owner, an agent, a tool server, a scope of all of it and a ceiling that covers it."""
    return furnished()


@pytest.fixture
def client(registry):
    return WiredClient(registry)


@pytest.fixture
def terraform(client):
    """A walk that writes as stack `prod`."""
    return Terraform(client)

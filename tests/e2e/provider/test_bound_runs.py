"""Runs of a real terraform whose registry token is bound to a key that dies with the run (RFC 9449)."""

import json
import shutil

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.e2e.provider.stack import base, version
from tests.fakes.registry_http import live_registry

from leasehold.keys.dpop import jwk_thumbprint

pytestmark = pytest.mark.terraform


@pytest.fixture(params=["", "required"], ids=["no nonces", "nonces required"])
def bound(request, tmp_path):
    """A registry of its own, which may want a nonce in every proof."""
    folder = tmp_path / "bound"
    folder.mkdir()
    with live_registry(folder) as running:
        if request.param:
            running.kill()
            running.environment["LEASEHOLD_DPOP_NONCES"] = request.param
            running.start()
        yield running


def test_a_stack_lives_and_ends_by_proofs_alone(bound, make_stack):
    stack = make_stack(bound)
    bound.door.schemes.clear()
    stack.apply(base("bound-", watched=""))
    stack.run("plan", "-no-color", "-detailed-exitcode")
    stack.run("destroy", "-auto-approve", "-no-color")

    assert bound.door.schemes == {"DPoP"}
    assert "bound-bot" not in bound.names("agents")


def test_a_retry_after_a_lost_answer_proves_itself_anew(own_registry, make_stack):
    stack, lost = make_stack(own_registry), []

    def lose(method, path):
        first = method == "PUT" and path not in lost
        lost.append(path)
        return first

    own_registry.door.lose = lose
    stack.apply(base("lost-", watched=""))
    assert "lost-bot" in own_registry.names("agents")
    assert own_registry.door.schemes == {"DPoP"}


USE = """
ephemeral "leasehold_credential" "bot" {
  agent       = "%(p)sbot"
  tool_server = "%(p)sgithub"
  deployment  = leasehold_deployment.bot.id
  %(key)s
}
resource "terraform_data" "use" {
  triggers_replace = "%(p)s"
  provisioner "local-exec" {
    command     = "printf %%s \\"$TOKEN\\" > %(cargo)s; cp %(file)s %(cargo)s.pem"
    environment = { TOKEN = ephemeral.leasehold_credential.bot.access_token }
  }
}
"""


@pytest.mark.skipif(version() < (1, 10), reason="ephemeral resources need Terraform 1.10")
def test_under_a_ceiling_that_demands_keys_a_credential_comes_with_one(own_registry, make_stack, tmp_path):
    stack, cargo, file = make_stack(own_registry), tmp_path / "cargo", tmp_path / "key.pem"
    ceiling = 'principal = "agent:${leasehold_agent.bot.name}"'
    demanding = base("key-", watched="").replace(ceiling, f'{ceiling}\n  dpop = "required"')
    assert 'dpop = "required"' in demanding
    names = {"p": "key-", "cargo": cargo, "file": file}

    said = stack.apply(demanding + USE % {**names, "key": ""}, expect=1)
    assert "Set key_file" in said
    stack.apply(demanding + USE % {**names, "key": f'key_file = "{file}"'})

    claims = jwt.decode(cargo.read_text(), options={"verify_signature": False})
    public = load_pem_private_key(cargo.with_suffix(".pem").read_bytes(), None).public_key()
    assert claims["cnf"]["jkt"] == jwk_thumbprint(jwt.algorithms.ECAlgorithm.to_jwk(public, as_dict=True))
    assert not file.exists()
    assert "PRIVATE" not in json.dumps(json.loads((stack.root / "terraform.tfstate").read_text()))
    shutil.rmtree(stack.root)

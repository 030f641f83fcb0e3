"""npm's openid-client and our command line hold a key: each gets a bound token from a server that wants nonces."""

import io

import httpx
import jwt
from tests.fakes.exchange_world import EXCHANGE, TOOLS

from leasehold.cli.main import run
from leasehold.cli.possession import held_key
from leasehold.cli.session import Session

ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"


def test_openid_client_learns_the_nonce_binds_its_token_and_proves_it_at_our_doors(meeting):
    subject = {"subject_token": meeting.id_token, "subject_token_type": ID_TOKEN}
    answer = meeting.node("dpop.mjs", issuer=meeting.server, grant_type=EXCHANGE, **subject)

    assert answer["type"] == "dpop"
    assert answer["seen"][0] == [400, True]  # no nonce yet: it is told
    assert answer["seen"][1][0] == 200
    assert (answer["whoami"]["status"], answer["whoami"]["body"]["role"]) == (200, "security-admin")
    assert (answer["escaped"]["status"], answer["streams"]["status"]) == (200, 200)
    assert answer["bearer"]["status"] == 401


def leasehold(meeting, *arguments):
    """The command line against the real server: (exit code, stdout, stderr)."""
    out, err = io.StringIO(), io.StringIO()
    session = Session({"LEASEHOLD_ENDPOINT": meeting.server}, out, err)
    return run([str(one) for one in arguments], session), out.getvalue().strip(), err.getvalue()


def test_the_command_line_gets_what_an_agent_needs_that_must_prove(meeting, tmp_path):
    key, subject = tmp_path / "agent.pem", tmp_path / "alice.jwt"
    subject.write_text(meeting.id_token)
    asked = ("token", "exchange", "--resource", TOOLS, "--client-id", "triage", "--subject-token-file", subject)
    meeting.change("agents", "triage", dpop="required")
    try:
        assert leasehold(meeting, *asked)[:2] == (1, "")
        code, token, err = leasehold(meeting, *asked, "--dpop-key", key)
    finally:
        meeting.change("agents", "triage", dpop="off")
    assert code == 0, err
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["cnf"]) == ("agent:triage", {"jkt": held_key(key).thumbprint})


def test_a_proof_of_the_command_line_opens_a_door(meeting, tmp_path):
    key, subject, registry = tmp_path / "agent.pem", tmp_path / "alice.jwt", tmp_path / "registry.jwt"
    subject.write_text(meeting.id_token)
    code, token, err = leasehold(meeting, "token", "exchange", "--subject-token-file", subject, "--dpop-key", key)
    assert code == 0, err
    registry.write_text(token)
    url = f"{meeting.server}/v1/whoami"

    def opened(*nonce):
        asked = ("--dpop-key", key, "--token-file", registry, "--url", url, "--method", "GET")
        _, proof, _ = leasehold(meeting, "token", "proof", *asked, *nonce)
        return httpx.get(url, headers={"authorization": f"DPoP {token}", "dpop": proof})

    refused = opened()
    assert refused.status_code == 401
    assert opened("--nonce", refused.headers["dpop-nonce"]).json()["role"] == "security-admin"

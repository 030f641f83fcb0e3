"""npm's openid-client holds a key: it gets a bound token from a server that wants nonces, and reads our resources."""

from tests.fakes.exchange_world import EXCHANGE

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

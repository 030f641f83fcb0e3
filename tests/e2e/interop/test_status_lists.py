"""npm's reader of status lists reads ours, and we read what it packs."""

import httpx
import pytest
from authlib.integrations.requests_client import OAuth2Session
from tests.fakes.exchange_world import EXCHANGE, TOOLS

from leasehold.model.status import STATUS_LIST_SIZE
from leasehold.verify import AccessRefused, Proof, Reason, third_party_verifier
from leasehold.verify.status_lists import StatusList, _unpacked

ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
STATUSES = [0, 1, 2, 3, 3, 2, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0]


def token_of(meeting):
    with OAuth2Session("triage", token_endpoint_auth_method="none") as client:
        subject = {"subject_token": meeting.id_token, "subject_token_type": ID_TOKEN}
        url = f"{meeting.server}/oauth2/token"
        return client.fetch_token(url, grant_type=EXCHANGE, resource=TOOLS, **subject)["access_token"]


def read(meeting, token):
    return meeting.node("status.mjs", token=token, statuses=STATUSES, bits=2)


def test_a_stranger_reads_our_lists(meeting):
    kept, ended = token_of(meeting), token_of(meeting)
    before = read(meeting, ended)
    httpx.post(f"{meeting.server}/oauth2/revoke", data={"token": ended}).raise_for_status()
    after, beside = read(meeting, ended), read(meeting, kept)

    assert (before["bits"], before["size"], before["status"]) == (1, STATUS_LIST_SIZE, 0)
    assert (after["status"], after["ended"] - before["ended"]) == (1, 1)
    assert beside["status"] == 0
    assert before["entry"]["uri"].startswith(f"{meeting.server}/status-lists/")


def test_we_read_a_strangers_list(meeting):
    bits, packed = _unpacked({"bits": 2, "lst": read(meeting, token_of(meeting))["lst"]})
    assert [StatusList(bits, packed).status(at) for at in range(len(STATUSES))] == STATUSES


def test_a_third_party_verifies_over_http_with_nothing_but_what_is_public(meeting):
    token, ended = token_of(meeting), token_of(meeting)
    with third_party_verifier(issuer=meeting.server, audience=TOOLS) as verifier:
        assert verifier.check(ended, "read_file", "repo:web").proof is Proof.STATUS_LIST
    httpx.post(f"{meeting.server}/oauth2/revoke", data={"token": ended}).raise_for_status()

    with third_party_verifier(issuer=meeting.server, audience=TOOLS) as verifier:
        with pytest.raises(AccessRefused) as refused:
            verifier.check(ended, "read_file", "repo:web")
        assert verifier.check(token, "read_file", "repo:web").refused is None
    assert refused.value.receipt.refused is Reason.REVOKED

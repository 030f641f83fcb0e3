"""Client ID metadata documents: a client described at its own address, of the agent that declared the address."""

import asyncio
import json

import jwt
import pytest
from tests.fakes.client_keys import ASSERTION, ClientKey
from tests.fakes.exchange_world import TOOLS, request
from tests.fakes.people import BACK, FORM, Browser, code_for, push, query, redeem, with_people

from leasehold.keys.client_documents import FRESH_SECONDS, ClientDocuments
from leasehold.keys.network import FetchRefused
from leasehold.model.errors import InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.leases import client_node
from leasehold.model.registrations import MAX_DOCUMENT_BYTES, check_client_id, check_client_ids, metadata_of_document
from leasehold.model.tokens import TokenRefused

URL = "https://app.example/oauth/client.json"
KEY, OTHER = ClientKey(), ClientKey()
GRANTS = ["authorization_code", "client_credentials"]


def document(**changes):
    said = {
        "client_id": URL,
        "client_name": "Triage",
        "redirect_uris": [BACK],
        "grant_types": GRANTS,
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": json.loads(KEY.jwks),
        **changes,
    }
    return json.dumps({name: value for name, value in said.items() if value is not None}).encode()


@pytest.fixture
def client(world):
    """Agent `triage`, without keys and addresses of its own: all it has as a client is in its document."""
    with_people(world)
    world.change(Kind.AGENTS, "triage", client_jwks=None, redirect_uris=frozenset(), client_ids=frozenset({URL}))
    world.documents.bodies[URL] = document()
    return world


def ask(world, key=KEY, client=URL, **fields):
    base = {
        "grant_type": "client_credentials",
        "client_id": client,
        "resource": TOOLS,
        "client_assertion_type": ASSERTION,
        "client_assertion": key.assertion(world.now, client=client),
    }
    return world.form("/oauth2/token", **{**base, **fields})


def said(reply):
    return jwt.decode(reply.json["access_token"], options={"verify_signature": False})


def test_a_client_that_no_agent_declared_gets_nothing_and_nothing_is_fetched(client):
    stranger = "https://stranger.example/client.json"
    client.documents.bodies[stranger] = document(client_id=stranger)

    refused = ask(client, client=stranger)

    assert (refused.status, refused.json["error"]) == (401, "invalid_client")
    assert client.documents.asked == []


def test_a_client_of_another_key_is_refused(client):
    assert ask(client, OTHER).json["error"] == "invalid_client"


def test_a_client_described_at_its_address_is_the_agent_that_declared_it(client):
    claims = said(ask(client))

    assert (claims["sub"], claims["client_id"]) == ("agent:triage", URL)
    assert claims["urn:leasehold:lease"]["anc"][-1][0] == "client:triage"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": URL + "/"},
        {"client_id": URL.upper()},
        {"client_id": None},
        {"client_secret": "s3cret"},
        {"client_secret_expires_at": 0},
        {"token_endpoint_auth_method": None},
        {"token_endpoint_auth_method": "none"},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"jwks": None},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}},
        {"jwks": {"keys": [{**KEY.jwk, "d": "AAAA"}]}},
        {"jwks": None, "jwks_uri": "https://elsewhere.example/jwks"},
        {"jwks": None, "jwks_uri": "http://app.example/jwks"},
        {"jwks_uri": "https://app.example/jwks"},
        {"redirect_uris": ["http://app.example/callback"]},
        {"redirect_uris": ["https://app.example/cb#x"]},
        {"redirect_uris": BACK},
        {"redirect_uris": []},
        {"grant_types": ["implicit", "password"]},
        {"response_types": ["token"]},
        {"client_name": "a\u202eb"},
        {"padding": "x" * MAX_DOCUMENT_BYTES},
    ],
)
def test_a_document_that_is_wrong_in_one_way_is_no_client(client, changes):
    client.documents.bodies[URL] = document(**changes)

    refused = ask(client)

    assert (refused.status, refused.json["error"]) == (401, "invalid_client")
    assert client.events()[0].reason == "client_document_refused"


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"client_id": 1, "client_id": 2}', b"[" * 10_000, b"null"])
def test_a_document_that_is_no_json_object_is_no_client(body):
    with pytest.raises(InvalidValue):
        metadata_of_document(URL, body)


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example/client.json",
        "https://app.example",
        "https://app.example/",
        "https://app.example/a/../client.json",
        "https://app.example/%2e%2e/client.json",
        "https://user@app.example/client.json",
        "https://app.example/client.json?x=1",
        "https://app.example/client.json#x",
        f"https://app.example/{'x' * 512}",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_can_be_read_in_two_ways_is_declared_by_nobody(url):
    with pytest.raises(InvalidValue):
        check_client_id(url)


def test_an_agent_is_known_by_twenty_addresses_at_most():
    check_client_ids(frozenset(f"{URL}{at}" for at in range(20)))
    with pytest.raises(InvalidValue):
        check_client_ids(frozenset(f"{URL}{at}" for at in range(21)))


def test_a_client_keeps_to_the_grant_types_that_it_names(client):
    client.documents.bodies[URL] = document(grant_types=["authorization_code"])

    refused = ask(client)

    assert (refused.status, refused.json["error"]) == (400, "unauthorized_client")


def test_an_address_that_is_declared_no_more_is_no_client_and_its_tokens_end(client):
    token = ask(client).json["access_token"]
    client.change(Kind.AGENTS, "triage", client_ids=frozenset())
    client.bump(client_node("triage"))  # as the registry does; see test_consequences

    assert ask(client).json["error"] == "invalid_client"
    assert client.introspect(token) == {"active": False}


def test_a_document_is_fetched_once_for_all_who_ask_at_once(client):
    def body():
        return (
            f"grant_type=client_credentials&client_id={URL}&resource={TOOLS}&client_assertion_type={ASSERTION}"
            f"&client_assertion={KEY.assertion(client.now, client=URL)}"
        ).encode()

    async def storm():
        asked = [request(client.app, "POST", "/oauth2/token", body(), FORM) for _ in range(20)]
        return await asyncio.gather(*asked)

    assert {reply.status for reply in asyncio.run(storm())} == {200}
    assert client.documents.asked == [URL]


class Web:
    """Answers with what it is told, and counts."""

    def __init__(self):
        self.answers = [document()]
        self.asked = 0

    async def get(self, _url, *, allow_private):
        assert not allow_private
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_document_that_is_gone_is_a_client_that_is_gone_and_is_not_asked_for_in_a_flood():
    web, now = Web(), [0.0]
    web.answers.append(FetchRefused("status 404"))
    documents = ClientDocuments(web, clock=lambda: now[0])

    async def life():
        assert (await documents.read(URL)).client_id == URL
        now[0] = FRESH_SECONDS
        assert (await documents.read(URL)).client_id == URL
        now[0] += 1
        for _ in range(10):
            with pytest.raises(TokenRefused):
                await documents.read(URL)

    asyncio.run(life())
    assert web.asked == 2


def test_what_is_kept_of_documents_is_bounded():
    web = Web()
    web.answers = [FetchRefused("status 404")]
    documents = ClientDocuments(web)

    async def flood():
        for at in range(2500):
            with pytest.raises(TokenRefused):
                await documents.read(f"https://app.example/{at}")
        return len(documents._entries)

    assert asyncio.run(flood()) <= 1000


def test_a_document_on_a_private_address_is_not_fetched(client):
    async def private(_host, _port):
        return ["10.0.0.7"]

    network = client.documents.network()
    network._resolve = private

    with pytest.raises(TokenRefused):
        asyncio.run(ClientDocuments(network).read(URL))
    assert client.documents.asked == []


def test_a_person_is_sent_back_only_to_an_address_of_the_document(client):
    refused = push(client, KEY, URL, redirect_uri=BACK + "/")

    assert (refused.status, refused.json["error"]) == (400, "invalid_request")


def test_a_person_lets_a_client_with_a_document_act_and_sees_where_it_lives(client):
    browser = Browser(client)
    pushed = push(client, KEY, URL)
    page = browser.log_in(browser.start(pushed, URL))
    assert "app.example" in page.body.decode()
    code = query(browser.answer(page).headers["location"])["code"]

    claims = said(redeem(client, code, KEY, URL))

    assert (claims["sub"], claims["act"], claims["client_id"]) == (
        "user:people/00u1alice",
        {"sub": "agent:triage"},
        URL,
    )


def test_a_code_is_for_the_client_that_asked_though_both_are_one_agent(client):
    client.change(Kind.AGENTS, "triage", client_jwks=OTHER.jwks)
    code = _code(client)

    refused = redeem(client, code, OTHER, "triage")

    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")


def test_a_request_is_started_only_under_the_client_id_that_pushed_it(client):
    assert Browser(client).start(push(client, KEY, URL), "triage").status == 400


def test_a_document_whose_address_went_away_meanwhile_takes_nobody_back(client):
    browser = Browser(client)
    started = browser.start(push(client, KEY, URL), URL)
    client.change(Kind.AGENTS, "triage", client_ids=frozenset())

    assert browser.log_in(started).status == 400


def test_an_agent_by_its_own_name_is_found_first_and_fetches_nothing(world):
    with_people(world)
    assert code_for(world)
    assert world.documents.asked == []


def _code(world):
    browser = Browser(world)
    page = browser.log_in(browser.start(push(world, KEY, URL), URL))
    return query(browser.answer(page).headers["location"])["code"]

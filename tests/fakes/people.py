"""People and their browsers: an agent with an address of its own, an issuer to log in at, and the way through."""

import re
from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlsplit

import jwt
from tests.fakes.client_keys import ASSERTION, ClientKey
from tests.fakes.exchange_world import TOOLS

from leasehold.exchange.on_behalf import challenge_of
from leasehold.model.deployments import Deployment
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent
from leasehold.model.trust import Login

BACK = "https://app.example/callback"
VERIFIER = "v" * 43
KEY, OTHER = ClientKey(), ClientKey()
READ, COMMENT = "mcp:tool:read_file:read", "mcp:tool:comment:write"
LOGIN = Login(
    client_id="leasehold-at-idp",
    authorization_endpoint="https://login.example/authorize",
    token_endpoint="https://login.example/token",
)
USER = "user:people/00u1alice"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def with_people(world):
    """A world whose agent may ask people, and whose issuer lets them log in."""
    world.change(Kind.AGENTS, "triage", client_jwks=KEY.jwks, redirect_uris=frozenset({BACK}))
    with world.store.read() as unit:
        issuer = unit.objects.get(Kind.TRUST_ISSUERS, "people").spec
    world.put(Kind.TRUST_ISSUERS, "people", replace(issuer, login=LOGIN, id_jag=True))
    return world


def rival(world):
    """Another agent of the same owner, with a key and an address of its own."""
    spec = Agent(
        owner="alice",
        review_by="2027-06-01",
        client_jwks=OTHER.jwks,
        redirect_uris=frozenset({"https://rival.example/cb"}),
    )
    world.put(Kind.AGENTS, "rival", spec)
    world.put(Kind.DEPLOYMENTS, "rival-prod", Deployment(agent="rival"))
    grant = Grant(
        agent="rival", tool_server="github", tools=frozenset({"read_file"}), resources=frozenset({"repo:web"})
    )
    world.put(Kind.GRANTS, grant.id, grant)


def credential(world, key=KEY, client="triage"):
    assertion = key.assertion(world.now, client=client)
    return {"client_id": client, "client_assertion_type": ASSERTION, "client_assertion": assertion}


def push(world, key=KEY, client="triage", headers=None, **changes):
    asked = {
        "response_type": "code",
        "redirect_uri": BACK,
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        "state": "xyz",
        "resource": TOOLS,
        **credential(world, key, client),
        **changes,
    }
    return world.form(
        "/oauth2/par", headers or {}, **{name: value for name, value in asked.items() if value is not None}
    )


class Browser:
    """Follows as a browser does, with its one cookie."""

    def __init__(self, world):
        self.world = world
        self.cookie = ""

    def get(self, path, **headers):
        reply = self.world.call("GET", path, b"", {"cookie": self.cookie, **headers} if self.cookie else headers)
        if "set-cookie" in reply.headers:
            self.cookie = reply.headers["set-cookie"].partition(";")[0]
        return reply

    def post(self, path, fields, **headers):
        return self.world.form(path, {"cookie": self.cookie, **headers}, **fields)

    def start(self, pushed, client="triage"):
        request_uri = quote(pushed.json["request_uri"], safe="")
        return self.get(f"/oauth2/authorize?client_id={client}&request_uri={request_uri}")

    def log_in(self, started, *, code="idp-code", answer=None, **claims):
        """What the identity provider does with a person who logs in: an ID token behind a code, and back."""
        asked = query(started.headers["location"])
        world = self.world
        token = world.people.token(aud=LOGIN.client_id, nonce=asked["nonce"], **claims)
        world.logins.codes[code] = (token, asked["code_challenge"])
        back = answer if answer is not None else {"code": code}
        text = "&".join(f"{k}={quote(v, safe='')}" for k, v in {**back, "state": asked["state"]}.items())
        return self.get(f"/oauth2/login/callback?{text}")

    def ask(self, pushed):
        return self.log_in(self.start(pushed))

    def answer(self, page, said="allow", **headers):
        return self.post("/oauth2/consent", {"ticket": ticket(page), "answer": said}, **headers)


def query(url):
    return dict(parse_qsl(urlsplit(url).query))


def ticket(page):
    return re.search(r'name="ticket" value="([^"]+)"', page.body.decode())[1]


def code_for(world, claims=None, **changes):
    browser = Browser(world)
    asked = browser.log_in(browser.start(push(world, **changes)), **(claims or {}))
    back = asked if asked.status == 303 else browser.answer(asked)
    return query(back.headers["location"])["code"]


def redeem(world, code, key=KEY, client="triage", headers=None, **changes):
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        **credential(world, key, client),
        **changes,
    }
    return world.form("/oauth2/token", headers or {}, **{k: v for k, v in fields.items() if v is not None})


def said(reply):
    return jwt.decode(reply.json["access_token"], options={"verify_signature": False})

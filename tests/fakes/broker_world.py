"""People, agents and a broker in memory, with an authorization server at the other end of HTTP."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote, urlencode

from tests.fakes.exchange_world import ISSUER
from tests.fakes.people import LOGIN, Browser, query, ticket, with_people
from tests.fakes.upstream import SimulatedUpstream

from leasehold.broker.brokering import Broker
from leasehold.broker.clients import Clients
from leasehold.broker.connecting import Connecting
from leasehold.broker.drawing import Drawing
from leasehold.broker.ending import Endings
from leasehold.broker.keeping import Keeping
from leasehold.broker.refreshing import Refreshing
from leasehold.exchange.persons import Persons
from leasehold.exchange.views import Views
from leasehold.external.sigv4 import sign
from leasehold.keys.client_certificates import check_certificate
from leasehold.keys.envelopes import Envelopes
from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.network import Network
from leasehold.keys.tokens import SubjectTokens
from leasehold.keys.upstream_servers import UpstreamServers
from leasehold.keys.wrapping_keys import FileWrapping
from leasehold.model.connections import UpstreamCall
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent
from leasehold.model.upstream import OAuthUpstream, UpstreamAuth
from leasehold.web.connections.app import ConnectionDoors, connections_app
from leasehold.web.connections.browsing import connect_app
from leasehold.web.dispatch import dispatch
from leasehold.web.oauth.app import oauth_app
from leasehold.web.oauth.people import People

ALICE, BOB = "user:people/00u1alice", "user:people/00u2bob"
OAUTH = UpstreamAuth(oauth=OAuthUpstream())
JSON = {"content-type": "application/json"}


class NobodyDraws:
    """Nobody has a credential profile here."""

    async def draw(self, _agent, _profile):
        return None

    def stands(self, _credential_id):
        return False


class BrokerWorld:
    """Everything joined as in production."""

    def __init__(self, world, folder, draws=None):
        self.world = with_people(world)
        self.upstream = SimulatedUpstream()
        self.wrapping = FileWrapping(folder / "connection-keys")
        self.vault = Envelopes(self.wrapping)
        self.secrets: dict[str, str] = {}
        store, clock = world.store, lambda: world.now
        self.servers = UpstreamServers(self.upstream.network())
        self.clients = Clients(
            issuer=ISSUER, store=store, vault=self.vault, servers=self.servers, secrets=self.secrets.__getitem__
        )
        self.refreshing = Refreshing(store=store, vault=self.vault, servers=self.servers, clients=self.clients)
        self.drawing = Drawing(draws=draws or NobodyDraws(), sign=sign)
        self.broker = Broker(
            issuer=ISSUER,
            store=store,
            vault=self.vault,
            refreshing=self.refreshing,
            drawing=self.drawing,
            sign=sign,
        )
        store.listen(self.broker.forget)
        self.connecting = Connecting(store=store, vault=self.vault, servers=self.servers, clients=self.clients)
        self.keeping = Keeping(
            store=store, vault=self.vault, check=check_certificate, rotation=self.wrapping, clients=self.clients
        )
        self.endings = Endings(store=store, vault=self.vault, servers=self.servers, clients=self.clients, clock=clock)
        people = People(
            issuer=ISSUER,
            pushing=world.doors.people._pushing,
            plain=world.doors.people._plain,
            authorizing=world.doors.people._authorizing,
            clock=clock,
            connecting=self.connecting,
        )
        persons = Persons(world.callers, SubjectTokens(IssuerKeys(Network())), Views(store))
        doors = ConnectionDoors(
            issuer=ISSUER,
            persons=persons,
            possessions=world.possessions,
            keeping=self.keeping,
            connecting=self.connecting,
            clock=clock,
        )
        connect = connect_app(
            issuer=ISSUER, people=people, connecting=self.connecting, clients=self.clients, clock=clock
        )
        hot = {"/v1/connections": connections_app(doors), "/connect": connect}
        world.app = dispatch(oauth_app(replace(world.doors, people=people)), hot)
        self.declare("github", OAUTH)

    @property
    def store(self):
        return self.world.store

    def declare(self, name, auth, **changes):
        with self.store.read() as unit:
            spec = unit.objects.get(Kind.TOOL_SERVERS, name).spec
        self.world.put(Kind.TOOL_SERVERS, name, replace(spec, upstream_auth=auth, **changes))

    def agent(self, name, **changes):
        self.world.put(Kind.AGENTS, name, Agent(owner="alice", review_by="2027-06-01", **changes))

    # What a gateway asks.

    def call(self, user=ALICE, agent="triage", server="github", **changes):
        with self.store.read() as unit:
            found = unit.objects.find(Kind.TOOL_SERVERS, server)
        asked = {
            "agent": agent,
            "user": user,
            "tool_server": server,
            "method": "POST",
            "url": found.spec.url if found is not None else "https://nowhere.example/mcp",
            "headers": {"content-type": "application/json"},
            "body": b"{}",
            "now": self.world.now,
        }
        return UpstreamCall(**{**asked, **changes})

    def authorize(self, user=ALICE, agent="triage", server="github", **changes):
        return asyncio.run(self.broker.authorize(self.call(user, agent, server, **changes)))

    def bearer(self, *args, **kwargs):
        """The token that a call goes out with."""
        return dict(self.authorize(*args, **kwargs).headers)["Authorization"].removeprefix("Bearer ")

    # What people and administrators do.

    def identity(self, subject="00u1alice"):
        """The identity token of a person, for us."""
        return self.world.people.token(sub=subject)

    def send(self, method, path, bearer, body=None, **headers):
        sent = {"authorization": f"Bearer {bearer}", **(JSON if body is not None else {}), **headers}
        return self.world.call(method, path, json.dumps(body).encode() if body is not None else b"", sent)

    def administer(self, method, path, body=None):
        return self.send(method, path, self.world.registry_token(), body)

    def browser(self):
        return Browser(self.world)

    def question(self, browser, subject="00u1alice", server="github"):
        """The page on which somebody who logged in is asked."""
        started = browser.get(f"/connect/{server}")
        return browser.log_in(started, code=f"code-{subject}-{started.headers['location'][-6:]}", sub=subject)

    def departed(self, browser, page):
        """The address at the authorization server."""
        reply = browser.post("/connect", {"ticket": ticket(page), "answer": "connect"}, origin=ISSUER)
        assert reply.status == 303, reply.body
        return reply.headers["location"]

    def back(self, browser, answer, server="github"):
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in answer.items())
        return browser.get(f"/connect/{server}/callback?{text}")

    def connect(self, subject="00u1alice", account=None, server="github"):
        """The whole way of a person who connects an account of theirs."""
        browser = self.browser()
        away = self.departed(browser, self.question(browser, subject, server))
        reply = self.back(browser, self.upstream.approve(away, account or subject), server)
        assert reply.status == 200, reply.body
        return reply

    def share(self, account="robot", server="github", shared="default"):
        """The whole way of an administrator; gives the id of the connection."""
        invited = self.administer("POST", f"/v1/connections/{server}", {"oauth": {}, "shared": shared})
        assert invited.status == 202, invited.body
        browser = self.browser()
        page = browser.get(invited.json["connect_url"].removeprefix(ISSUER))
        away = self.departed(browser, page)
        assert self.back(browser, self.upstream.approve(away, account), server).status == 200
        found = self.administer("GET", f"/v1/connections?{urlencode({'tool_server': server})}").json["items"]
        return next(one["id"] for one in found if one["shared"] == shared)

    def promote(self, connection, agent="triage", why="it needs it every night"):
        return self.administer("POST", f"/v1/connections/{connection}:promote", {"agent": agent, "justification": why})

    def look(self):
        """One round of the worker."""
        asyncio.run(self.endings.look())

    def later(self, **by):
        self.world.now += timedelta(**by)

    def events(self, kind="connections"):
        return [event for event in self.world.events() if event.kind == kind]


__all__ = ["LOGIN", "query"]

"""A login per lease on a real PostgreSQL: dead with the lease, sessions included."""

import time
from dataclasses import replace

import psycopg
import pytest
from tests.fakes.credential_world import LOGIN

from leasehold.external.postgresql import PostgresqlSource
from leasehold.external.secrets import Secrets
from leasehold.model.credentials import PostgresqlLogin, Privilege
from leasehold.model.external import CredentialState, MintRefused
from leasehold.model.leases import agent_node

pytestmark = pytest.mark.postgres


def profile(**target):
    return replace(LOGIN, postgresql=PostgresqlLogin(dsn="orders", **target))


def session(issued) -> psycopg.Connection:
    login = {key: value for key, value in issued.secret.items() if key != "schema"}
    return psycopg.connect(**login, autocommit=True)


def work_for(seconds: float, connection: psycopg.Connection) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        connection.execute("SELECT 1")


def roles(dsn) -> set[str]:
    with psycopg.connect(dsn) as connection:
        return {name for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'leasehold%'")}


def test_a_login_does_what_it_inherits_and_no_more(orders, reader):
    orders.profile("orders", profile(roles=frozenset({reader})))
    with session(orders.draw("orders")) as connection:
        assert connection.execute("SELECT id FROM orders").fetchall() == [(1,)]
        for forbidden in (
            "INSERT INTO orders VALUES (2)",
            "CREATE ROLE mine",
            "ALTER ROLE CURRENT_USER VALID UNTIL 'infinity'",
            "SELECT pg_read_file('/etc/passwd')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)


def test_a_login_has_the_privileges_of_its_profile_on_the_schema(orders):
    orders.profile("orders", profile(schema="public", privileges=frozenset({Privilege.SELECT, Privilege.INSERT})))
    with session(orders.draw("orders")) as connection:
        connection.execute("INSERT INTO orders VALUES (2)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM orders")


def test_a_live_session_is_killed_by_a_revocation_and_nobody_comes_back(orders, reader, working, admin_dsn):
    orders.profile("orders", profile(roles=frozenset({reader})))
    issued = orders.draw("orders")
    working(orders)
    with session(issued) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        began = time.monotonic()
        orders.world.bump(agent_node("triage"))
        with pytest.raises(psycopg.OperationalError):
            work_for(10, connection)
        took = time.monotonic() - began
    assert took < 5, f"revoke to dead took {took:.3f} s"
    with pytest.raises(psycopg.OperationalError):
        session(issued)
    deadline = time.monotonic() + 10
    while orders.record().state is not CredentialState.CLEARED:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert issued.record.reference not in roles(admin_dsn)


def test_what_a_login_made_stays_with_the_administrator(orders, reader, admin_dsn):
    orders.profile("orders", profile(roles=frozenset({reader})))
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA work; GRANT ALL ON SCHEMA work TO PUBLIC")
    issued = orders.draw("orders")
    with session(issued) as connection:
        connection.execute("CREATE TABLE work.kept (id int)")
    orders.world.bump(agent_node("triage"))
    orders.look()
    assert orders.record().state is CredentialState.CLEARED
    with psycopg.connect(admin_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM work.kept").fetchone() == (0,)


def test_killing_twice_is_no_error(orders, reader):
    orders.profile("orders", profile(roles=frozenset({reader})))
    record = orders.draw("orders").record
    source = orders.desk.sources[PostgresqlLogin]
    for _ in range(2):
        source.kill(record, None)
    for _ in range(2):
        source.clear(record)


@pytest.mark.parametrize(
    "name", ['x"; DROP TABLE orders; --', "x'; DROP TABLE orders; --", "{}", "%s", 'a" WITH ADMIN OPTION; --']
)
@pytest.mark.parametrize("field", ["roles", "schema"])
def test_a_name_is_a_name_whatever_stands_in_it(orders, admin_dsn, name, field):
    target = {"roles": frozenset({name})} if field == "roles" else {"schema": name, "privileges": frozenset(Privilege)}
    orders.profile("orders", profile(**target))
    with pytest.raises(MintRefused, match="PostgreSQL refused the login"):
        orders.draw("orders")
    with psycopg.connect(admin_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    assert orders.record().reference not in roles(admin_dsn)


def test_no_agent_inherits_from_a_superuser(orders, admin_dsn):
    with psycopg.connect(admin_dsn) as connection:
        superuser = connection.info.user
    orders.profile("orders", profile(roles=frozenset({superuser})))
    with pytest.raises(MintRefused, match="more than any agent should"):
        orders.draw("orders")
    assert orders.record().reference not in roles(admin_dsn)


def test_the_password_reaches_the_holder_alone(orders, reader, admin_dsn, caplog):
    orders.profile("orders", profile(roles=frozenset({reader})))
    issued = orders.draw("orders")
    password = issued.secret["password"]
    assert password not in orders.everything_written() + repr(issued) + caplog.text
    with psycopg.connect(admin_dsn) as connection:
        stored = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = %s", (issued.record.reference,)
        ).fetchone()
    assert stored is not None
    assert stored[0].startswith("SCRAM-SHA-256$")


def test_a_database_that_is_away_says_nothing_of_how_it_is_reached(orders):
    away = PostgresqlSource(Secrets({"ORDERS": "host=127.0.0.1 port=1 user=root password=swordfish"}).find)
    orders.desk.sources[PostgresqlLogin] = away
    orders.profile("orders", profile(roles=frozenset({"r"})))
    with pytest.raises(MintRefused) as refused:
        orders.draw("orders")
    assert "swordfish" not in str(refused.value) + orders.everything_written()


def test_a_secret_that_this_server_lacks_is_named_and_nothing_else(orders):
    orders.profile("orders", replace(LOGIN, postgresql=PostgresqlLogin(dsn="payroll", roles=frozenset({"r"}))))
    with pytest.raises(MintRefused, match="no secret named `payroll`"):
        orders.draw("orders")

"""`LEASEHOLD_*` in, one value out, and one line for what cannot be used."""

from pathlib import Path

import pytest

from leasehold.settings import InvalidSetting, read_settings

HOME = {"LEASEHOLD_DATA_DIR": "/srv/leasehold"}


def test_a_bare_environment_is_enough():
    settings = read_settings({})
    assert settings.data_dir == Path.home() / ".leasehold"
    assert settings.database_url == f"sqlite:///{settings.data_dir / 'leasehold.db'}"
    assert settings.keys == f"file:{settings.data_dir / 'keys'}"
    assert (settings.host, settings.port, settings.issuer) == ("127.0.0.1", 8420, "http://127.0.0.1:8420")
    assert settings.registry_audience == "http://127.0.0.1:8420/v1"


def test_every_variable_is_read_and_an_empty_one_is_none():
    settings = read_settings(
        {
            **HOME,
            "LEASEHOLD_DATABASE_URL": "postgres://u:secret@db/x",
            "LEASEHOLD_ISSUER": "https://leasehold.example/",
            "LEASEHOLD_KEYS": "kms:alias/leasehold",
            "LEASEHOLD_HOST": "0.0.0.0",  # noqa: S104  a container listens everywhere
            "LEASEHOLD_PORT": "9000",
            "LEASEHOLD_LOG_LEVEL": "DEBUG",
        }
    )
    assert settings.database_url == "postgresql+psycopg://u:secret@db/x"
    assert settings.issuer == "https://leasehold.example"
    assert (settings.keys, settings.port, settings.log_level) == ("kms:alias/leasehold", 9000, "debug")
    assert read_settings({**HOME, "LEASEHOLD_PORT": "", "LEASEHOLD_KEYS": ""}).keys == "file:/srv/leasehold/keys"


def test_nonces_and_private_receivers_are_off_until_they_are_named():
    settings = read_settings(HOME)
    assert (settings.dpop_nonces, settings.private_receivers) == (False, frozenset())
    named = {**HOME, "LEASEHOLD_DPOP_NONCES": "required", "LEASEHOLD_PRIVATE_RECEIVERS": "SIEM.svc, 10.0.0.5,"}
    settings = read_settings(named)
    assert (settings.dpop_nonces, settings.private_receivers) == (True, frozenset({"siem.svc", "10.0.0.5"}))


def test_public_clients_are_served_where_that_is_said_and_register_for_one_agent():
    settings = read_settings(HOME)
    assert (settings.public_clients, settings.open_registration) == (False, "")
    served = {**HOME, "LEASEHOLD_PUBLIC_CLIENTS": "on"}
    assert read_settings(served).public_clients
    named = read_settings({**served, "LEASEHOLD_OPEN_REGISTRATION": "assistant"})
    assert named.open_registration == "assistant"
    with pytest.raises(InvalidSetting, match="LEASEHOLD_PUBLIC_CLIENTS=on"):
        read_settings({**HOME, "LEASEHOLD_OPEN_REGISTRATION": "assistant"})


def test_origins_of_pages_are_spelt_as_browsers_spell_them():
    assert read_settings(HOME).browser_origins == frozenset()
    named = {**HOME, "LEASEHOLD_BROWSER_ORIGINS": "https://app.example, http://localhost:6274,https://b.example:8443"}
    origins = {"https://app.example", "http://localhost:6274", "https://b.example:8443"}
    assert read_settings(named).browser_origins == origins
    for wrong in ("*", "null", "https://*.example", "http://app.example", "https://app.example/", "https://APP.example",
                  "https://app.example:443", "app.example", "https://u@app.example", "https://app.example:x", "https://",
                  "https://ä.example", "https://[::1"):  # fmt: skip
        with pytest.raises(InvalidSetting, match="LEASEHOLD_BROWSER_ORIGINS"):
            read_settings({**HOME, "LEASEHOLD_BROWSER_ORIGINS": f"https://fine.example,{wrong}"})


def test_programs_are_shut_off_unless_the_operator_says_otherwise():
    assert read_settings(HOME).stdio_isolation == "required"
    assert read_settings({**HOME, "LEASEHOLD_STDIO_ISOLATION": "best_effort"}).stdio_isolation == "best_effort"
    with pytest.raises(InvalidSetting, match="LEASEHOLD_STDIO_ISOLATION"):
        read_settings({**HOME, "LEASEHOLD_STDIO_ISOLATION": "off"})


def test_where_secrets_are_is_known_whoever_says_where():
    environment = {"LEASEHOLD_DATA_DIR": "/data", "LEASEHOLD_DATABASE_URL": "sqlite:////db/one.db"}
    environment |= {
        "LEASEHOLD_KEYS": "file:/keys",
        "LEASEHOLD_SEALING_KEY_FILE": "/sealing",
        "LEASEHOLD_SECRETS_DIR": "/s",
    }
    environment |= {"LEASEHOLD_CONNECTION_KEYS": "file:/wrapping", "LEASEHOLD_AUDIT_KEY": "kms:alias/audit"}
    places = {str(one) for one in read_settings(environment).secret_places}
    assert places == {"/data", "/db/one.db", "/db/one.db-wal", "/db/one.db-shm", "/keys", "/sealing", "/s", "/wrapping"}
    assert {str(one) for one in read_settings({"LEASEHOLD_DATA_DIR": "/data"}).secret_places} >= {"/data"}


def test_the_issuer_follows_the_port():
    assert read_settings({"LEASEHOLD_PORT": "9000"}).issuer == "http://127.0.0.1:9000"


def test_the_password_of_the_database_is_not_shown():
    settings = read_settings({**HOME, "LEASEHOLD_DATABASE_URL": "postgresql://u:secret@db/x"})
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEASEHOLD_PUBLIC_CLIENTS", "yes"),
        ("LEASEHOLD_OPEN_REGISTRATION", "On Call"),
        *(("LEASEHOLD_PORT", port) for port in ("0", "65536", "-1", "http", "８４２０")),
        *(("LEASEHOLD_DATABASE_URL", url) for url in ("mysql://secret@x", "sqlite://", "sqlite:///:memory:", "secret")),
        *(("LEASEHOLD_ISSUER", url) for url in ("leasehold", "ftp://x", "http://example.com", "https://secret@x")),
        *(("LEASEHOLD_ISSUER", url) for url in ("https://x?secret", "https://x#secret", "https://")),
        *(("LEASEHOLD_KEYS", keys) for keys in ("file:", "vault:x", "kms")),
        ("LEASEHOLD_LOG_LEVEL", "loud"),
        *(("LEASEHOLD_DPOP_NONCES", value) for value in ("on", "REQUIRED", "1")),
        *(
            ("LEASEHOLD_TRACES", url)
            for url in ("on", "grpc://x:4317", "https://secret@x/v1/traces", "https://x?secret")
        ),
        *(
            ("LEASEHOLD_ACCESS_REQUEST_ENDPOINT", url)
            for url in ("http://access.example", "access.example", "https://secret@access.example", "https://x#secret")
        ),
        ("LEASEHOLD_OTLP_METRICS", "http://collector:4318/v1/metrics"),
        *(("LEASEHOLD_PRIVATE_RECEIVERS", value) for value in ("https://x", "*.svc", "a b")),
    ],
)
def test_what_cannot_be_used_is_named_and_not_repeated_where_it_could_be_secret(name, value):
    with pytest.raises(InvalidSetting, match=name) as raised:
        read_settings({name: value})
    assert "secret" not in str(raised.value)

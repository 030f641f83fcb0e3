"""The only reader of the environment: `LEASEHOLD_*` in, one frozen value out."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_PORT = 8420
DEFAULT_METRICS_PORT = 8421
_SECRET = "LEASEHOLD_SECRET_"  # noqa: S105  a prefix of names
_LONGEST_DAYS = 36_500
_MOST = 10_000_000
_LONGEST_DRAIN = 300
_AGENT = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class InvalidSetting(ValueError):
    """A variable of the environment cannot be used; the message names it, and never repeats a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this server runs.

    `database_url` may hold a password and stays out of `repr`. `issuer` is the URL under which callers reach this
    server; it is the `iss` of every token. `keys` is `file:<folder>` or `kms:<key id>`. `secrets` and the files of
    `secrets_dir` are what credential profiles refer to by name. `private_receivers` are hosts in the network around
    this server to which security events may be pushed. Pages of
    `browser_origins` may call MCP's endpoints. `stdio_isolation` is `required`, or `best_effort`: programs are
    started without namespaces of their own, too. With `dpop_nonces`, a proof of possession holds a nonce of
    ours. `dynamic_registration` opens `/oauth2/register`; `public_clients` lets clients without authentication send
    people here; `open_registration` names the agent whose clients they become without a token, empty for nobody's.
    `gate_rules_file` holds the rules that plans are judged by, as JSON. `policy_engine` is `compiled`, `cedarpy`, or
    `shadow` for both, which denies where they differ. `ext_authz_port` is where Envoy asks, if it does.
    `connection_keys` wrap the secrets of connections: `file:<folder>` or `kms:<key id>`, further KMS keys behind
    commas. With `metrics`, whoever reaches `metrics_host` and `metrics_port` may read what the gateway counts.
    `traces` is where spans go, empty for nowhere. `access_requests` is where enforcement points ask for access that was
    denied: a service of somebody else's, empty for none.
    """

    data_dir: Path
    database_url: str = field(repr=False)
    issuer: str
    keys: str
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    log_level: str = "info"
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets_dir: Path | None = field(default=None, repr=False)
    sealing_key_file: Path | None = None
    connection_keys: str = ""
    policy_engine: str = "compiled"
    ext_authz_port: int | None = None
    private_receivers: frozenset[str] = frozenset()
    private_upstreams: frozenset[str] = frozenset()
    stdio_programs: frozenset[str] = frozenset()
    stdio_isolation: str = "required"
    browser_origins: frozenset[str] = frozenset()
    tool_budget: int = 40
    agent_calls: int = 6_000
    user_calls: int = 3_000
    replicas: int = 1
    drain_seconds: int = 0
    dpop_nonces: bool = False
    gate_rules_file: Path | None = None
    dynamic_registration: bool = False
    public_clients: bool = False
    open_registration: str = ""
    metrics: bool = False
    metrics_host: str = "127.0.0.1"
    metrics_port: int = DEFAULT_METRICS_PORT
    traces: str = ""
    access_requests: str = ""
    otlp_metrics: str = ""
    call_log: bool = False
    audit_key: str = ""
    audit_key_before: str = ""
    audit_anchors: tuple[str, ...] = ()
    audit_retention: Mapping[str, timedelta] = field(default_factory=dict)
    audit_exports: Mapping[str, str] = field(default_factory=dict)

    @property
    def audit_signer(self) -> str:
        """`file:<path>` or `kms:<key id>` of the key that signs checkpoints of the audit trail; replicas share it."""
        return self.audit_key or f"file:{self.data_dir / 'audit.key'}"

    @property
    def audit_name(self) -> str:
        """What the audit trail is called in its checkpoints: the issuer without its scheme (C2SP tlog-checkpoint)."""
        return f"{self.issuer.partition('://')[2]}/audit"

    @property
    def registry_audience(self) -> str:
        """The audience of registry tokens (RFC 8707 §2)."""
        return f"{self.issuer}/v1"

    @property
    def secret_places(self) -> tuple[Path, ...]:
        """Where this server keeps what nobody else may read, as files and folders; not all of them need be there."""
        signers = (self.keys, self.connection_keys, self.audit_signer, self.audit_key_before)
        keys = [one.removeprefix("file:") for one in signers]
        database = self.database_url.removeprefix("sqlite:///")
        files = [f"{database}{end}" for end in ("", "-wal", "-shm")] if database != self.database_url else []
        given = (self.secrets_dir,) if self.secrets_dir is not None else ()
        return (self.data_dir, self.sealing_key, *given, *(Path(one) for one in (*keys, *files) if one.startswith("/")))

    @property
    def sealing_key(self) -> Path:
        """The file with the key that shuts away what it takes to kill credentials; replicas share it."""
        return self.sealing_key_file or self.data_dir / "sealing.key"

    @property
    def credentials_audience(self) -> str:
        """The audience of tokens with which agents draw credentials of other systems."""
        return f"{self.issuer}/v1/credentials"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings of an environment, defaults filled in. Raises `InvalidSetting`."""
    data_dir = Path(environ.get("LEASEHOLD_DATA_DIR") or Path.home() / ".leasehold").expanduser().absolute()
    port = _port(environ.get("LEASEHOLD_PORT") or str(DEFAULT_PORT))
    return Settings(
        data_dir=data_dir,
        database_url=_database_url(environ.get("LEASEHOLD_DATABASE_URL") or f"sqlite:///{data_dir / 'leasehold.db'}"),
        issuer=_issuer(environ.get("LEASEHOLD_ISSUER") or f"http://127.0.0.1:{port}"),
        keys=_keys(environ.get("LEASEHOLD_KEYS") or f"file:{data_dir / 'keys'}"),
        host=environ.get("LEASEHOLD_HOST") or "127.0.0.1",
        port=port,
        log_level=_log_level(environ.get("LEASEHOLD_LOG_LEVEL") or "info"),
        secrets=_secrets(environ),
        secrets_dir=_path(environ.get("LEASEHOLD_SECRETS_DIR")),
        sealing_key_file=_path(environ.get("LEASEHOLD_SEALING_KEY_FILE")),
        connection_keys=_keys(
            environ.get("LEASEHOLD_CONNECTION_KEYS") or f"file:{data_dir / 'connection-keys'}",
            "LEASEHOLD_CONNECTION_KEYS",
        ),
        gate_rules_file=_path(environ.get("LEASEHOLD_GATE_RULES")),
        ext_authz_port=_ext_authz_port(environ.get("LEASEHOLD_EXT_AUTHZ_PORT")),
        policy_engine=_policy_engine(environ.get("LEASEHOLD_POLICY_ENGINE") or "compiled"),
        dpop_nonces=_nonces(environ.get("LEASEHOLD_DPOP_NONCES") or "off"),
        private_receivers=_hosts(environ, "LEASEHOLD_PRIVATE_RECEIVERS"),
        private_upstreams=_hosts(environ, "LEASEHOLD_PRIVATE_UPSTREAMS"),
        stdio_programs=_programs(environ.get("LEASEHOLD_STDIO_PROGRAMS") or ""),
        stdio_isolation=_stdio_isolation(environ.get("LEASEHOLD_STDIO_ISOLATION") or "required"),
        browser_origins=_origins(environ.get("LEASEHOLD_BROWSER_ORIGINS") or ""),
        tool_budget=_count(environ, "LEASEHOLD_TOOL_BUDGET", "40"),
        agent_calls=_count(environ, "LEASEHOLD_AGENT_CALLS_PER_MINUTE", "6000"),
        replicas=_count(environ, "LEASEHOLD_REPLICAS", "1"),
        drain_seconds=_seconds(environ, "LEASEHOLD_DRAIN_SECONDS"),
        user_calls=_count(environ, "LEASEHOLD_USER_CALLS_PER_MINUTE", "3000"),
        dynamic_registration=_switch(environ, "LEASEHOLD_DYNAMIC_REGISTRATION"),
        public_clients=_switch(environ, "LEASEHOLD_PUBLIC_CLIENTS"),
        open_registration=_open_registration(environ),
        metrics=_switch(environ, "LEASEHOLD_METRICS"),
        metrics_host=environ.get("LEASEHOLD_METRICS_HOST") or "127.0.0.1",
        metrics_port=_port(
            environ.get("LEASEHOLD_METRICS_PORT") or str(DEFAULT_METRICS_PORT), "LEASEHOLD_METRICS_PORT"
        ),
        call_log=_switch(environ, "LEASEHOLD_CALL_LOG"),
        traces=_collector(environ, "LEASEHOLD_TRACES"),
        access_requests=_access_requests(environ.get("LEASEHOLD_ACCESS_REQUEST_ENDPOINT") or ""),
        otlp_metrics=_otlp_metrics(environ),
        audit_key=_trail_key(environ, "LEASEHOLD_AUDIT_KEY"),
        audit_key_before=_trail_key(environ, "LEASEHOLD_AUDIT_KEY_BEFORE"),
        audit_exports=_exports(environ.get("LEASEHOLD_AUDIT_EXPORTS") or ""),
        audit_retention=_retention(environ.get("LEASEHOLD_AUDIT_RETENTION") or ""),
        audit_anchors=_anchors(environ.get("LEASEHOLD_AUDIT_ANCHORS") or ""),
    )


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser().absolute() if text else None


def _nonces(text: str) -> bool:
    if text not in {"off", "required"}:
        raise InvalidSetting(f"LEASEHOLD_DPOP_NONCES must be off or required, not `{text}`")
    return text == "required"


def _exports(text: str) -> Mapping[str, str]:
    """`siem=syslog+tls://host:6514?format=cef,lake=s3://bucket/prefix`: receivers by name."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, url = part.partition("=")
        known = url.partition("://")[0] in {"syslog+tls", "s3", "otlp+https", "otlp+http"}
        if not name.isidentifier() or name in found or not known or urlsplit(url).username is not None:
            urls = "syslog+tls://<host>:<port>, otlp+https://<host>:<port> or s3://<bucket>/<prefix>"
            raise InvalidSetting(f"LEASEHOLD_AUDIT_EXPORTS must read <name>=<url>, with commas between: {urls}")
        found[name] = url
    return found


def _trail_key(environ: Mapping[str, str], name: str) -> str:
    text = environ.get(name) or ""
    scheme, _, rest = text.partition(":")
    if text and (scheme not in {"file", "kms"} or not rest):
        raise InvalidSetting(f"{name} must be file:<path> or kms:<key id>")
    return text


def _retention(text: str) -> Mapping[str, timedelta]:
    """`decisions=90,leases=400`: days by kind of event."""
    found: dict[str, timedelta] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        kind, equals, days = part.partition("=")
        if not kind or not equals or not days.isdecimal() or not 0 < int(days) <= _LONGEST_DAYS or kind in found:
            raise InvalidSetting("LEASEHOLD_AUDIT_RETENTION must read <kind>=<days>, with commas between")
        found[kind] = timedelta(days=int(days))
    return found


def _anchors(text: str) -> tuple[str, ...]:
    anchors = tuple(anchor.strip() for anchor in text.split(",") if anchor.strip())
    for anchor in anchors:
        scheme, _, rest = anchor.partition(":")
        if scheme not in {"file", "git", "s3"} or not rest.strip("/"):
            said = "LEASEHOLD_AUDIT_ANCHORS must be file:<path>, git:<repository> or s3://<bucket>/<prefix>?days=<days>"
            raise InvalidSetting(said)
    return anchors


def _hosts(environ: Mapping[str, str], name: str) -> frozenset[str]:
    hosts = {host.strip().lower() for host in (environ.get(name) or "").split(",")} - {""}
    if any("/" in host or "*" in host or any(c.isspace() for c in host) for host in hosts):
        raise InvalidSetting(f"{name} must be host names with commas between, no URLs, no patterns")
    return frozenset(hosts)


def _origins(text: str) -> frozenset[str]:
    """As browsers spell them (RFC 6454 §6.2): scheme, host, and a port that is not the scheme's own."""
    origins = frozenset({origin.strip() for origin in text.split(",")} - {""})
    for origin in origins:
        try:
            parts = urlsplit(origin)
            port, host = parts.port, parts.hostname or ""
        except ValueError:
            port, host, parts = None, "", urlsplit("")
        shown = f"[{host}]" if ":" in host else host
        spelt = f"{parts.scheme}://{shown}" + (f":{port}" if port not in {None, 80, 443} else "")
        secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
        if not secure or not host or origin != spelt or "*" in host or not host.isascii():
            said = "origins as browsers spell them, with commas between: https://app.example (http on loopback alone)"
            raise InvalidSetting(f"LEASEHOLD_BROWSER_ORIGINS must be {said}")
    return origins


def _seconds(environ: Mapping[str, str], name: str) -> int:
    text = environ.get(name) or "0"
    if not (text.isascii() and text.isdecimal() and int(text) <= _LONGEST_DRAIN):
        raise InvalidSetting(f"{name} must be 0 to {_LONGEST_DRAIN}, not `{text}`")
    return int(text)


def _programs(text: str) -> frozenset[str]:
    paths = {path.strip() for path in text.split(",")} - {""}
    if any(not path.startswith("/") for path in paths):
        raise InvalidSetting("LEASEHOLD_STDIO_PROGRAMS must be absolute paths with commas between")
    return frozenset(paths)


def _stdio_isolation(text: str) -> str:
    if text not in {"required", "best_effort"}:
        raise InvalidSetting(f"LEASEHOLD_STDIO_ISOLATION must be required or best_effort, not `{text}`")
    return text


def _count(environ: Mapping[str, str], name: str, usual: str) -> int:
    text = environ.get(name) or usual
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _MOST):
        raise InvalidSetting(f"{name} must be 1 to {_MOST}, not `{text}`")
    return int(text)


def _otlp_metrics(environ: Mapping[str, str]) -> str:
    url = _collector(environ, "LEASEHOLD_OTLP_METRICS")
    if url and not environ.get("LEASEHOLD_TRACES"):
        raise InvalidSetting("LEASEHOLD_OTLP_METRICS needs LEASEHOLD_TRACES: what it measures are spans")
    return url


def _collector(environ: Mapping[str, str], name: str) -> str:
    url = environ.get(name) or ""
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query):
        said = "the URL of an OTLP/HTTP collector, path and all, without user and query"
        raise InvalidSetting(f"{name} must be {said} (OTEL_EXPORTER_OTLP_HEADERS takes credentials)")
    return url


def _switch(environ: Mapping[str, str], name: str) -> bool:
    said = environ.get(name) or "off"
    if said not in {"on", "off"}:
        raise InvalidSetting(f"{name} must be on or off")
    return said == "on"


def _open_registration(environ: Mapping[str, str]) -> str:
    """The name of an agent, where clients without authentication are served at all."""
    agent = environ.get("LEASEHOLD_OPEN_REGISTRATION") or ""
    if agent and not _AGENT.fullmatch(agent):
        raise InvalidSetting("LEASEHOLD_OPEN_REGISTRATION must be the name of one agent")
    if agent and not _switch(environ, "LEASEHOLD_PUBLIC_CLIENTS"):
        raise InvalidSetting("LEASEHOLD_OPEN_REGISTRATION needs LEASEHOLD_PUBLIC_CLIENTS=on")
    return agent


def _secrets(environ: Mapping[str, str]) -> Mapping[str, str]:
    """`LEASEHOLD_SECRET_ORDERS_ADMIN` is the secret that a profile names `orders-admin` or `orders_admin`."""
    return {name.removeprefix(_SECRET): value for name, value in environ.items() if name.startswith(_SECRET) and value}


def _port(text: str, name: str = "LEASEHOLD_PORT") -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= 65535):  # noqa: PLR2004  RFC 9293 §3.1
        raise InvalidSetting(f"{name} must be 1 to 65535, not `{text}`")
    return int(text)


def _ext_authz_port(text: str | None) -> int | None:
    return _port(text, "LEASEHOLD_EXT_AUTHZ_PORT") if text else None


def _access_requests(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme != "https" or not parts.hostname or parts.fragment or parts.username):
        raise InvalidSetting("LEASEHOLD_ACCESS_REQUEST_ENDPOINT must be an https URL without user and fragment")
    return url


def _database_url(url: str) -> str:
    scheme = url.partition("://")[0]
    if scheme in {"postgresql", "postgres"}:  # the common spelling; the driver is ours to choose
        return "postgresql+psycopg" + url[len(scheme) :]
    if scheme not in {"sqlite", "postgresql+psycopg"}:
        raise InvalidSetting("LEASEHOLD_DATABASE_URL must start with sqlite:// or postgresql://")
    if url in {"sqlite://", "sqlite:///:memory:"}:
        raise InvalidSetting("LEASEHOLD_DATABASE_URL must name a file: a registry that forgets is none")
    return url


def _issuer(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise InvalidSetting("LEASEHOLD_ISSUER must be an absolute http(s) URL without user, query and fragment")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise InvalidSetting("LEASEHOLD_ISSUER must be https, except on loopback: tokens travel to it")
    return url.rstrip("/")


def _keys(where: str, name: str = "LEASEHOLD_KEYS") -> str:
    scheme, _, rest = where.partition(":")
    if scheme not in {"file", "kms"} or not rest:
        raise InvalidSetting(f"{name} must read file:<folder> or kms:<key id>")
    return where


def _policy_engine(name: str) -> str:
    if name not in {"compiled", "cedarpy", "shadow"}:
        raise InvalidSetting(f"LEASEHOLD_POLICY_ENGINE must be compiled, cedarpy or shadow, not `{name}`")
    return name


def _log_level(level: str) -> str:
    if level.upper() not in logging.getLevelNamesMapping():
        raise InvalidSetting(f"LEASEHOLD_LOG_LEVEL must be a level of Python's logging, not `{level}`")
    return level.lower()

"""What go-plugin says to us through the environment (hashicorp/go-plugin, docs/internals.md)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

COOKIE_NAME = "TF_PLUGIN_MAGIC_COOKIE"
COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"
PROTOCOL = 6

_DEFAULT_PORTS = (10_000, 25_000)


class NotAPlugin(Exception):
    """This start cannot become a plugin run; the text is for the person who started it."""


class PluginEnvironment:
    """The parsed environment of one plugin process."""

    __slots__ = ("client_certificate", "max_port", "min_port", "socket_dir", "use_tcp")

    def __init__(self, environment: Mapping[str, str], platform: str) -> None:
        self.client_certificate = environment.get("PLUGIN_CLIENT_CERT", "")
        self.min_port = _port(environment, "PLUGIN_MIN_PORT", _DEFAULT_PORTS[0])
        self.max_port = _port(environment, "PLUGIN_MAX_PORT", _DEFAULT_PORTS[1])
        self.socket_dir = environment.get("PLUGIN_UNIX_SOCKET_DIR") or environment.get("TMPDIR") or "/tmp"  # noqa: S108 -- only the parent of our private directory
        self.use_tcp = platform == "win32"


def read_environment(environment: Mapping[str, str], platform: str) -> PluginEnvironment:
    """Check that Terraform started us and speaks our protocol. Raises NotAPlugin."""
    if environment.get(COOKIE_NAME) != COOKIE:
        raise NotAPlugin(
            "This program is a Terraform provider. Terraform starts it by itself; it does nothing when run by hand.\n"
            "Run it with --debug to serve a Terraform that you point at it by TF_REATTACH_PROVIDERS."
        )
    offered = environment.get("PLUGIN_PROTOCOL_VERSIONS", str(PROTOCOL)).split(",")
    if str(PROTOCOL) not in offered:
        raise NotAPlugin(f"This provider speaks protocol {PROTOCOL}; this Terraform offers {', '.join(offered)}.")
    if not environment.get("PLUGIN_CLIENT_CERT"):
        raise NotAPlugin("This provider serves nobody who does not prove who they are: unset TF_DISABLE_PLUGIN_TLS.")
    return PluginEnvironment(environment, platform)


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "")
    return int(text) if text.isdecimal() and int(text) < 1 << 16 else default

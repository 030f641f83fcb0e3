"""`python -m toolchain ensure [TOOL…]` (all of them without a name), `provider` for that one, `env` for a shell.

`kubernetes` builds a kube-apiserver, which nothing but `make test-kubernetes` needs, and says where it is.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence

from toolchain import cdktf_cli, interop, kubernetes, node, postgres, provider, rsyslog, terraform
from toolchain.places import Places, repository
from toolchain.programs import Tool, ToolMissingError, tell
from toolchain.surroundings import additions

# In the order in which they need each other.
TOOLS: dict[str, Callable[[Places], Tool]] = {
    "terraform": terraform.ensure,
    "terraform-packaged": terraform.ensure_packaged,
    "node": node.ensure,
    "cdktf": cdktf_cli.ensure,
    "interop": interop.OAUTH.ensure,
    "conformance": interop.CONFORMANCE.ensure,
    "inspector": interop.INSPECTOR.ensure,
    "mcp-remote": interop.MCP_REMOTE.ensure,
    "dbhub": interop.DBHUB.ensure,
    "postgres": postgres.ensure,
    "rsyslog": rsyslog.ensure,
    "provider": provider.ensure,
}
NEEDS = dict.fromkeys(("cdktf", "interop", "conformance", "inspector", "mcp-remote", "dbhub"), ("node",))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all is there, 1 with one line that says what is missing."""
    wanted = _parser().parse_args(arguments)
    places = repository()
    try:
        if wanted.command == "env":
            sys.stdout.write(export_lines(additions(places)))
        elif wanted.command == "kubernetes":
            sys.stdout.write(f"{build_kubernetes(places).path}\n")
        else:
            tell(", ".join(map(str, ensure(places, wanted.tools or list(TOOLS)))))
    except ToolMissingError as missing:
        tell(f"error: {missing}")
        return 1
    return 0


def ensure(places: Places, names: Sequence[str]) -> list[Tool]:
    """Provide the named tools and what they need."""
    wanted = {name for asked in names for name in (*NEEDS.get(asked, ()), asked)}
    with places.locked():
        terraform.write_cli_config(places)
        return [provide(places) for name, provide in TOOLS.items() if name in wanted]


def build_kubernetes(places: Places) -> Tool:
    """Provide a real kube-apiserver."""
    with places.locked():
        return kubernetes.ensure(places)


def export_lines(variables: dict[str, str]) -> str:
    """Return the variables as lines that a POSIX shell can evaluate."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m toolchain", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("env", help="print the environment as shell exports")
    commands.add_parser("kubernetes", help="build a kube-apiserver from Debian's source, and print its folder")
    provider_alone = commands.add_parser("provider", help="build the Terraform provider into the mirror")
    provider_alone.set_defaults(tools=["provider"])
    chosen = commands.add_parser("ensure", help="find or install the tools (all of them when none is named)")
    chosen.add_argument("tools", nargs="*", type=_tool, metavar="TOOL", help=", ".join(TOOLS))
    return parser


def _tool(name: str) -> str:
    if name not in TOOLS:
        raise argparse.ArgumentTypeError(f"unknown tool `{name}`: choose from {', '.join(TOOLS)}")
    return name


if __name__ == "__main__":
    sys.exit(main())

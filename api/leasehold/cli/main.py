"""`leasehold`: the commands put together, and how each of them ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from leasehold.cli import (
    audit_exports,
    connections,
    credentials,
    objects,
    policies,
    provider,
    rules,
    tasks,
    tokens,
    tool_pins,
)
from leasehold.cli.approvals import approve
from leasehold.cli.decisions import explain, replay, what_can, who_can
from leasehold.cli.drift import drift, review
from leasehold.cli.examples import EXAMPLES
from leasehold.cli.exits import CLEAN, ERROR, INTERRUPTED, Failure
from leasehold.cli.registry_commands import bootstrap, revoke, version, whoami
from leasehold.cli.safe_text import visible_lines
from leasehold.cli.session import Session

_WIDTH = 100  # columns of help, whatever the terminal: it is compared with golden files
_EPILOG = (
    "The registry is LEASEHOLD_ENDPOINT (http://127.0.0.1:8420). Commands call it with LEASEHOLD_TOKEN, or with the "
    "token in LEASEHOLD_OIDC_TOKEN_FILE, exchanged on the fly."
)

app = typer.Typer(
    name="leasehold",
    help="Agents hold their authority on lease: declare it, see it drift, end it.",
    epilog=_EPILOG,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"terminal_width": _WIDTH, "max_content_width": _WIDTH, "help_option_names": ["-h", "--help"]},
)


@app.command("serve", epilog=EXAMPLES["serve"])
def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on [LEASEHOLD_HOST or 127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port [LEASEHOLD_PORT or 8420].")] = None,
    ext_authz_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port for Envoy's ext_authz, over gRPC [LEASEHOLD_EXT_AUTHZ_PORT or none]."
        ),
    ] = None,
    new_bootstrap_token: Annotated[
        bool,
        typer.Option(
            "--new-bootstrap-token", help="Tell a bootstrap token although another replica told one, and end that one."
        ),
    ] = False,
) -> None:
    """Serve the registry. All other configuration comes from LEASEHOLD_* variables."""
    from leasehold.collecting import postpone  # noqa: PLC0415  of this command alone

    postpone()
    from leasehold.cli.serve import serve as serve_registry  # noqa: PLC0415  the server's imports cost a client 1 s

    serve_registry(host=host, port=port, ext_authz_port=ext_authz_port, new_bootstrap_token=new_bootstrap_token)


for _command in (drift, review, approve, revoke, bootstrap, whoami, version):
    app.command(_command.__name__, epilog=EXAMPLES.get(_command.__name__))(_command)
for _name, _question in (("explain", explain), ("who-can", who_can), ("what-can", what_can), ("replay", replay)):
    app.command(_name, epilog=EXAMPLES[_name])(_question)
app.add_typer(audit_exports.app, name="audit")
app.add_typer(objects.app, name="object")
app.add_typer(policies.app, name="policy")
app.add_typer(tokens.app, name="token")
app.add_typer(tasks.app, name="task")
app.add_typer(credentials.app, name="credential")
app.add_typer(connections.app, name="connections")
app.add_typer(provider.app, name="provider")
app.add_typer(tool_pins.app, name="tools")
app.add_typer(rules.app, name="rules")


def run(arguments: Sequence[str], session: Session) -> int:
    """Run one command. Whatever happens, the answer is an exit code and, at most, three lines on stderr."""
    try:
        ended = int(app(list(arguments), prog_name="leasehold", standalone_mode=False, obj=session) or CLEAN)
        session.out.flush()  # a report that nobody could read is no clean end
    except Failure as failure:
        _explain(session, failure)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  the reader left: so do we
    except OSError as error:
        _explain(session, Failure(f"cannot write the answer ({error.strerror})"))
    except typer.TyperException as mistake:
        session.err.write(visible_lines(mistake.format_message()) + "\n")
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  a traceback shows locals' types and paths, and helps no user
        _explain(session, Failure(f"unexpected {type(error).__name__}", next_step="please report how you got here"))
    else:
        return ended
    return ERROR


def main() -> NoReturn:
    """Run the command that the process was started with."""
    sys.exit(run(sys.argv[1:], Session(os.environ, sys.stdout, sys.stderr)))


def _explain(session: Session, failure: Failure) -> None:
    lines = [f"error: {failure.what}"]
    lines += [f"  where: {failure.where}"] if failure.where else []
    lines += [f"  next: {failure.next_step}"] if failure.next_step else []
    session.err.write(visible_lines("\n".join(lines)) + "\n")


if __name__ == "__main__":
    main()

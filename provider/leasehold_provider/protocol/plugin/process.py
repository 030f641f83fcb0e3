"""A plugin process from the handshake to the end.

Order matters for speed: what the handshake line needs comes first, everything else is imported while Terraform reads
that line and dials; its connection waits in the listener's backlog.
"""

from __future__ import annotations

import os
import signal
import sys
from binascii import b2a_base64

from .certificate import make_certificate
from .environment import PROTOCOL, PluginEnvironment
from .listener import listen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from leasehold_provider.protocol.provider import Provider

    from .certificate import Certificate
    from .listener import Listener


def run_plugin(environment: PluginEnvironment, make_provider: Callable[[], Provider]) -> NoReturn:
    """Serve the Terraform that started us, over TLS in which both sides prove who they are."""
    parent = os.getppid()
    # Ctrl-C reaches the whole process group. Terraform then calls StopProvider; dying here would lose state.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listener = listen(environment)
    certificate = make_certificate()
    _shake_hands(listener, certificate)
    try:
        from .channel import mutual_tls  # noqa: PLC0415 -- see the module's docstring
        from .engine import Engine  # noqa: PLC0415 -- as above
        from .lifetime import Lifetime  # noqa: PLC0415 -- as above

        lifetime = Lifetime(parent)
        signal.signal(signal.SIGTERM, lambda *_: lifetime.end())
        engine = Engine(make_provider(), lifetime)
        secure = mutual_tls(certificate, environment.client_certificate)
    except BaseException as failure:  # noqa: BLE001 -- whatever it is, nobody can be served
        listener.remove()
        _explain(failure)
        os._exit(1)
    engine.run(listener, secure)


def run_debug(make_provider: Callable[[], Provider], address: str) -> NoReturn:
    """Serve any Terraform of this user, in the clear, until interrupted."""
    import json  # noqa: PLC0415 -- nobody waits for a debug run

    from .channel import PlainChannel  # noqa: PLC0415 -- as above
    from .engine import Engine  # noqa: PLC0415 -- as above
    from .lifetime import DebugLifetime  # noqa: PLC0415 -- as above

    lifetime = DebugLifetime()
    engine = Engine(make_provider(), lifetime)
    lifetime.when_alone(engine.close_leftovers)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: lifetime.end())
    listener = listen(PluginEnvironment(os.environ, sys.platform))
    attachment = {
        "Protocol": "grpc",
        "ProtocolVersion": PROTOCOL,
        "Pid": os.getpid(),
        "Test": True,
        "Addr": {"Network": listener.network, "String": listener.address},
    }
    sys.stdout.write(f"TF_REATTACH_PROVIDERS='{json.dumps({address: attachment})}'\n")
    sys.stdout.flush()
    engine.run(listener, PlainChannel)


def _shake_hands(listener: Listener, certificate: Certificate) -> None:
    encoded = b2a_base64(certificate.der, newline=False).rstrip(b"=").decode()
    sys.stdout.write(f"1|{PROTOCOL}|{listener.network}|{listener.address}|grpc|{encoded}\n")
    sys.stdout.flush()
    sys.stdout = sys.stderr  # nothing else may ever be on stdout, a stray print included


def _explain(failure: BaseException) -> None:
    from leasehold_provider.protocol.log import log_failure  # noqa: PLC0415 -- the process is over

    log_failure("starting the provider", failure)

"""A token service of tests behind a real HTTP server, in a process of its own: `python -m tests.fakes.served_world`.

Arguments: a folder, and how many subject tokens to leave in it, one a line, as `tokens`. Prints its port once it
listens; ends with its standard input.
"""

import socket
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from tests.fakes.exchange_world import World

from leasehold.collecting import settle
from leasehold.model.trust import IssuerType
from leasehold.store.sql_store import open_store


def main(folder: Path, tokens: int) -> None:
    """Serve until standard input ends."""
    store = open_store(f"sqlite:///{folder / 'leasehold.db'}")
    world = World(store, folder)
    world.now = datetime.now(UTC)
    world.populate()
    world.trust("cluster", world.cluster, IssuerType.KUBERNETES, single_use=True)
    (folder / "tokens").write_text("\n".join(world.pod_token() for _ in range(tokens)))
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        options = {"log_level": "warning", "access_log": False, "server_header": False, "lifespan": "off"}
        server = uvicorn.Server(uvicorn.Config(world.app, **options))
        threading.Thread(target=_stop_with_input, args=(server,), daemon=True).start()
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        settle()
        server.run([listener])
    world.close()
    store.close()


def _stop_with_input(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

"""Events over syslog and TLS: to a server of the test's own, and to Debian's rsyslog, which nobody here wrote."""

import json
import socket
import ssl
import subprocess
import threading
import time

import pytest
import toolchain
from tests.fakes.certificates import Authority
from tests.fakes.trail_world import NAME, TrailWorld, event
from toolchain import rsyslog

from leasehold.audit.receivers import open_receiver
from leasehold.model.trail.telling import NotTaken
from leasehold.trail.telling import Teller

RSYSLOG = rsyslog.available(toolchain.repository())
HOSTILE = "<13>1 \n7 <0>x|=\\ \u202e\x1b[31m é"
CONFIGURATION = """
global(workDirectory="{folder}" defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{folder}/ca.pem"
  defaultNetstreamDriverCertFile="{folder}/server.pem" defaultNetstreamDriverKeyFile="{folder}/server.pem")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imtcp" port="{port}" address="127.0.0.1")
template(name="told" type="list" option.jsonf="on") {{
  property(outname="app" name="app-name" format="jsonf") property(outname="host" name="hostname" format="jsonf")
  property(outname="chain" name="structured-data" format="jsonf") property(outname="text" name="msg" format="jsonf")
}}
action(type="omfile" file="{folder}/taken" template="told")
"""


@pytest.fixture
def world(tmp_path):
    made = TrailWorld(tmp_path)
    made.write(*(event(n) for n in range(220)), event(220, name="hostile", reason=HOSTILE))
    made.sealer.catch_up()
    return made


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def frames(raw):
    """Octet-counted messages (RFC 5425 §4.3)."""
    while raw:
        length, _, raw = raw.partition(b" ")
        yield raw[: int(length)]
        raw = raw[int(length) :]


def places_in(taken):
    """The places of the events that were written whole so far."""
    chains = (json.loads(line)["chain"] for line in taken.read_text().splitlines(keepends=True) if line.endswith("\n"))
    return [int(chain.partition('position="')[2].partition('"')[0]) for chain in chains]


def receiver_at(port, folder, authority, form):
    (folder / "ca.pem").write_text(authority.pem)
    return open_receiver("siem", f"syslog+tls://127.0.0.1:{port}?format={form}&ca={folder}/ca.pem", "0.1", {})


def test_messages_are_counted_chained_and_encrypted(world, tmp_path):
    authority, taken = Authority(), bytearray()
    context = authority.server(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            for _ in range(2):
                with context.wrap_socket(listener.accept()[0], server_side=True) as secure:
                    while chunk := secure.recv(65536):
                        taken.extend(chunk)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        receiver = receiver_at(listener.getsockname()[1], tmp_path, authority, "cef")
        teller = Teller(world.store, receiver, NAME, lambda: world.now)
        while teller.tell():
            continue
        server.join(10)
    messages = list(frames(bytes(taken)))
    assert len(messages) == 221
    assert all(b"\n" not in message for message in messages)
    assert b"\xef\xbb\xbfCEF:0|Leasehold|" in messages[0]


def test_a_server_that_nobody_vouches_for_is_told_nothing(world, tmp_path):
    context = Authority().server(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with listener.accept()[0] as plain:
                try:
                    context.wrap_socket(plain, server_side=True)
                except ssl.SSLError:
                    return

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        receiver = receiver_at(listener.getsockname()[1], tmp_path, Authority(), "ocsf")
        teller = Teller(world.store, receiver, NAME, lambda: world.now)
        assert teller.tell() == 0
        server.join(10)
    with pytest.raises(NotTaken):
        receiver.take(teller._next()[1])


@pytest.mark.skipif(RSYSLOG is None, reason="no rsyslog with TLS, and no apt-get for `make setup` to fetch it with")
def test_debians_rsyslog_takes_all_of_it_and_reads_the_chain(world, tmp_path):
    authority, port = Authority(), free_port()
    authority.server(tmp_path)
    receiver = receiver_at(port, tmp_path, authority, "ocsf")
    (tmp_path / "rsyslog.conf").write_text(CONFIGURATION.format(folder=tmp_path, port=port))
    command = [str(RSYSLOG.path), "-n", "-f", str(tmp_path / "rsyslog.conf"), "-i", str(tmp_path / "rsyslog.pid")]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            teller, deadline = Teller(world.store, receiver, NAME, lambda: world.now), time.monotonic() + 60
            told = 0
            while told < 221 and time.monotonic() < deadline:
                told += teller.tell()
                time.sleep(0.05)
            taken = tmp_path / "taken"
            while time.monotonic() < deadline and (not taken.exists() or len(set(places_in(taken))) < 221):
                time.sleep(0.05)
        finally:
            server.terminate()
    assert told == 221, (tmp_path / "log").read_text()
    lines = [json.loads(line) for line in taken.read_text().splitlines()]
    # At least once: a batch whose end was not heard in time comes again, and its places tell.
    places = places_in(taken)
    assert sorted(set(places)) == list(range(221))
    assert {line["app"] for line in lines} == {"leasehold"}
    last = next(line for line, place in zip(lines, places, strict=True) if place == 220)
    assert json.loads(last["text"].removeprefix("\ufeff"))["status_detail"] == HOSTILE

"""What two writes hold leaves in one, in order, and nothing stays behind."""

import asyncio

import pytest

from leasehold.cli.joined_writes import JoinedWrites


class Kernel:
    """A transport that remembers what it was given at once."""

    def __init__(self):
        self.writes, self.closed = [], False

    def write(self, content):
        assert not self.closed
        self.writes.append(content)

    def writelines(self, several):
        self.write(b"".join(several))

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed


def told(*steps):
    async def run():
        kernel = Kernel()
        joined = JoinedWrites(kernel, asyncio.get_running_loop())
        for step in steps:
            if step is None:
                await asyncio.sleep(0)
            elif step == "close":
                joined.close()
            else:
                joined.write(step)
        await asyncio.sleep(0)
        assert joined.is_closing() is kernel.closed
        return kernel.writes

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("steps", "writes"),
    [
        ((b"head", b"body"), [b"headbody"]),
        ((b"head",), [b"head"]),
        ((b"head", None, b"event", None, b"event"), [b"head", b"event", b"event"]),
        ((b"head", b"body", b"head", b"body"), [b"headbody", b"headbody"]),
        ((b"head", b"body", b"more"), [b"headbody", b"more"]),
        ((b"head", "close"), [b"head"]),
        ((b"head", b"body", "close"), [b"headbody"]),
        ((b"", b""), [b""]),
    ],
)
def test_all_of_it_in_order_and_two_at_once(steps, writes):
    assert told(*steps) == writes

"""Run the demo: `python -m examples.demo [--verbose]`. Exit code 0 if all went as told, 1 if not."""

import argparse
import signal
import sys
from types import FrameType
from typing import NoReturn

from examples.demo.narrator import Narrator, Surprise
from examples.demo.story import tell
from examples.demo.world import open_world

INTERRUPTED = 130


def main() -> int:
    """Tell the story; whatever happens, nothing of it is left behind."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--verbose", action="store_true", help="show every command and what it prints")
    narrator = Narrator(verbose=parser.parse_args().verbose)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        with open_world(narrator) as world:
            tell(world)
    except Surprise as surprise:
        narrator.fail(surprise)
        return 1
    except KeyboardInterrupt:
        narrator.say("interrupted; everything that was started is gone")
        return INTERRUPTED
    return 0


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

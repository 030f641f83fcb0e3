"""Run the demo: `python -m examples.demo [--verbose]`. Exit code 0 if all went as told, 1 if not."""

import argparse
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from examples.demo.narrator import Narrator, Surprise
from examples.demo.story import tell
from examples.demo.world import World, open_world

INTERRUPTED = 130


def main() -> int:
    """Tell the story, as the command line asks for it."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--verbose", action="store_true", help="show every command and what it prints")
    narrator = Narrator(verbose=parser.parse_args().verbose)
    signal.signal(signal.SIGTERM, _terminate)
    return perform(tell, narrator)


def perform(story: Callable[[World], None], narrator: Narrator) -> int:
    """Set the stage, tell the story, clear the stage; return the exit code."""
    try:
        with open_world(narrator) as world:
            story(world)
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

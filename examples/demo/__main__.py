"""Run the demo: `python -m examples.demo [gateway] [--verbose]`. Exit code 0 if all went as told, 1 if not."""

import argparse
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from examples.demo import gateway, story
from examples.demo.narrator import Narrator, Surprise
from examples.demo.world import DECLARING, Props, World, open_world

INTERRUPTED = 130
STORIES = {"declare": (story.tell, DECLARING), "gateway": (gateway.tell, gateway.PROPS)}


def main() -> int:
    """Tell the story, as the command line asks for it."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("story", nargs="?", choices=STORIES, default="declare", help="which one")
    parser.add_argument("--verbose", action="store_true", help="show every command and what it prints")
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, _terminate)
    told, props = STORIES[wanted.story]
    return perform(told, Narrator(verbose=wanted.verbose), props)


def perform(tell: Callable[[World], None], narrator: Narrator, props: Props = DECLARING) -> int:
    """Set the stage, tell the story, clear the stage; return the exit code."""
    try:
        with open_world(narrator, props) as world:
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

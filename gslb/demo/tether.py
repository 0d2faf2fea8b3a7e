"""Runs a module of this package in a process that ends with its parent: `python -m gslb.demo.tether MODULE ARG...`.

The parent holds the other end of stdin and never writes. When it goes, however it went, stdin ends: then the process
is asked to stop as by SIGTERM, and is gone after `GRACE_SECONDS` at the latest. Nothing is spawned in between, so
the process id is that of the module itself and a kill means what it says.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 5.0


def main() -> None:
    module, *arguments = sys.argv[1:]
    threading.Thread(target=_await_end, daemon=True, name="tether").start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _await_end() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()

"""``python -m countersign_<service>``: the service's own modules, found by its package's name, and run."""

import gc
import sys
from importlib import import_module


def start(package: str) -> None:
    """Import a service and run it to its end (``runtime.main``); its package has ``app.running`` and ``settings``.

    The collector waits while modules are imported: it would walk what is there to stay a hundred times, which is a
    seventh of what a start costs.
    """
    try:
        gc.disable()
        app, settings = import_module(f"{package}.app"), import_module(f"{package}.settings")
        runtime = import_module("countersign_shared.runtime")
        gc.freeze()
        gc.enable()
        runtime.main(settings.Settings, app.running)
    except KeyboardInterrupt:
        # Until a service runs, Ctrl-C comes this way; it asks for the same.
        sys.exit(0)

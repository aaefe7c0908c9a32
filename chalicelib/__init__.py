import gc
import os

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Nothing that a function loads at its start is garbage, but the collector would look through all of it several
    # times. `telemetry.observe` turns it on after the first call.
    gc.disable()
    # Before anything that makes dataclasses and expressions.
    from . import start_cache

    start_cache.install()

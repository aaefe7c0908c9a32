"""Ask the management port of this machine whether the host is well: `python -m infra.container.check [port]`."""

import sys
import urllib.error
import urllib.request

_PORT = 8002
_SECONDS = 8


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else _PORT
    asked = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        asked.open(f"http://127.0.0.1:{port}/healthz", timeout=_SECONDS).close()
    except urllib.error.HTTPError as error:
        sys.exit(error.read().decode())
    except OSError as error:
        sys.exit(f"The management port {port} does not answer: {error}")


if __name__ == "__main__":
    main()

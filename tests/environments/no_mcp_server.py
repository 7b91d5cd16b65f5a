"""Programs that are no MCP server, by the first argument. Each prints its pid to stderr, so a test can see it gone."""

import os
import sys
import time

print(f"pid {os.getpid()}", file=sys.stderr, flush=True)
match sys.argv[1]:
    case "exits":
        print("no configuration", file=sys.stderr)
        sys.exit(3)
    case "silent":
        time.sleep(300)
    case "chatters":
        while True:
            os.write(1, b"hello there\n")
    case "endless":
        while True:
            os.write(1, b"y" * 65536)

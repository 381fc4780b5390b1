#!/usr/bin/env python3
"""The container's health check: ask /healthz, name on the log who is silent."""

import sys
import urllib.error
import urllib.request

try:
    urllib.request.urlopen("http://127.0.0.1:8000/healthz", timeout=4).close()
except urllib.error.HTTPError as answer:
    sys.exit(answer.read().decode(errors="replace").strip())
except OSError as problem:
    sys.exit(str(problem))

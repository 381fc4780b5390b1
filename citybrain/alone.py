"""Commands that need nothing but themselves: they bring keys and a database of their own, and leave nothing behind."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from citybrain.core import keyring
from citybrain.demo.cluster import Cluster, ClusterError, embedded_bin

COMMANDS = frozenset({"evaluate_code"})
# It is thrown away at the end, so nothing waits for the disk.
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@contextlib.contextmanager
def surroundings() -> Iterator[None]:
    """Give the settings a keyring and an empty database for as long as this lasts, unless the environment names one."""
    if os.environ.get("DATABASE_URL"):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="citybrain-") as folder:
        keyring.make(Path(folder) / "keyring.json")
        cluster = Cluster(embedded_bin(), Path(folder) / "postgres", settings=UNSAFE)
        try:
            cluster.init()
            cluster.start()
            os.environ |= {"CITYBRAIN_VAR": folder, "CITYBRAIN_DEMO": "1", "DATABASE_URL": cluster.admin_url}
            yield
        except ClusterError as problem:
            raise SystemExit(str(problem)) from None
        finally:
            cluster.stop()

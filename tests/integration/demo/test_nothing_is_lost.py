"""A thousand passes into a running district while its processes are killed for good."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import running_demo
from tests.smoke_embedded import ROOT

pytestmark = pytest.mark.slow


def test_every_acknowledged_pass_alert_and_order_survives_the_killing_of_every_process(tmp_path: Path) -> None:
    with running_demo(tmp_path / "var") as demo:
        done = subprocess.run(
            [sys.executable, "-m", "tests.thousand_passes", "--port", str(demo.port)],
            cwd=ROOT,
            env=demo.environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1000 passes acknowledged" in done.stdout
    assert "nothing lost, nothing doubled" in done.stdout

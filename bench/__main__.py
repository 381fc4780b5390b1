"""`python -m bench`: every benchmark, one after the other; with --base-url only those that measure a running system."""

import argparse
import subprocess
import sys

# The ones that have a system of their own, and the ones that also take a running one.
ALONE, ANYWHERE = ("bench.pass_path", "bench.reevaluate", "bench.show"), ("bench.pass_to_screen",)


def main() -> int:
    """Run the command line; return 1 when a benchmark refused to print or missed what it must keep."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--base-url", help="a running system, such as http://127.0.0.1:8000")
    base_url = parser.parse_args().base_url
    wanted = [*([] if base_url else ALONE), *ANYWHERE]
    failed = 0
    for name in wanted:
        sys.stdout.write(f"\n{name}\n")
        sys.stdout.flush()
        more = ["--base-url", base_url] if base_url else []
        failed += subprocess.run([sys.executable, "-m", name, *more], check=False).returncode != 0  # noqa: S603 (ours)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m citybrain.demo`: run the demo until Ctrl-C."""

import signal
import sys

# Until the supervisor takes over there is nothing to stop, and Ctrl-C shall not print a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from citybrain.demo.run import main  # noqa: E402

sys.exit(main())

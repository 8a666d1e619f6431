"""``python -m tests.fuzz``: see run.py, which a process started by spawn can import."""

import sys

from tests.fuzz.run import main

sys.exit(main())

"""A specimen."""

import json

DUMP = json.dumps

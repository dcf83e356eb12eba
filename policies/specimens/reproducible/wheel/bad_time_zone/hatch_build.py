"""A build that looks at its machine."""

import os
import random
import time
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        made = Path(self.root) / "src" / "parcel" / "made.py"
        made.write_text("MADE = " + repr(time.strftime("%H", time.localtime(0))) + "\n")
        build_data["force_include"][str(made)] = "parcel/made.py"

import os  # noqa: F401 - taken from here
import re  # noqa: F401 - taken from here

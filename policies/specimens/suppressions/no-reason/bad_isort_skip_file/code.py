# isort: skip_file
import os

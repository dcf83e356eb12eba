# pylint: disable=all - it never understood this
import os

import os  # deptry: ignore[DEP001] - the host gives it

import os  # noqa - every rule may be broken here

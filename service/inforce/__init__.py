"""inforce: which trade measures were in force on a day, as known on a day – and why."""

from importlib.metadata import version

__version__ = version("inforce")

"""Builds the compiled step. It is reached by ctypes and knows no Python: one wheel serves every Python of a platform.

Where no compiler is, the step is left out, and the wheel serves every platform.
"""

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext


class BuildStep(build_ext):
    """Names the library after no version of Python."""

    def get_ext_filename(self, fullname: str) -> str:
        """The path of a library, with the plain suffix of the platform."""
        return str(Path(*fullname.split("."))) + EXTENSION_SUFFIXES[-1]


class TagPlatform(bdist_wheel):
    """Tags a wheel by its platform alone, or as one for all platforms if nothing was compiled."""

    def get_tag(self) -> tuple[str, str, str]:
        """The tags of Python, ABI and platform."""
        built = self.get_finalized_command("build_ext").get_outputs()
        if any(Path(file).exists() for file in built):
            return "py3", "none", super().get_tag()[2]
        return "py3", "none", "any"


setup(cmdclass={"build_ext": BuildStep, "bdist_wheel": TagPlatform})

"""The packages of the wheel. All else is in pyproject.toml, which cannot map dashboards/ to a package beside others."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["lab*", "widgets*"]), "widgets.dashboards"],
    package_dir={"widgets.dashboards": "dashboards"},
)

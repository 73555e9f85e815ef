"""``python -m pulumi_zenml.cli``."""

from pulumi_zenml.cli import main

main()

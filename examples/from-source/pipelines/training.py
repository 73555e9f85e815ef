"""A pipeline as a team writes it."""

from zenml import pipeline, step
from zenml.config import DockerSettings


@step
def train() -> float:
    """A placeholder for a training."""
    return 0.97


# With skip_build no image is built; ZenML runs the one that is named.
@pipeline(
    settings={"docker": DockerSettings(skip_build=True, parent_image="zenmldocker/zenml:latest")}
)
def training() -> None:
    """A pipeline of one step."""
    train()

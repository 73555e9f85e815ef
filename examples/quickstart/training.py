"""The pipeline that is scheduled. CI would create its snapshot; here `run.py` does."""

from zenml import pipeline, step
from zenml.config import DockerSettings


@step
def train() -> float:
    """A placeholder for a training."""
    return 0.97


# No image is built here: the snapshot names an existing one.
@pipeline(
    settings={"docker": DockerSettings(skip_build=True, parent_image="zenmldocker/zenml:latest")}
)
def training() -> None:
    """A pipeline of one step."""
    train()

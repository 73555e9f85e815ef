"""A Kubernetes control plane to test against: API server and controller manager, no nodes."""

from __future__ import annotations

from . import golang

VERSION = "v1.33.0"
# What k8s.io/kubernetes carries in its own tree and replaces in its go.mod; published apart.
STAGING_VERSION = "v0.33.0"
STAGING = """
    api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider
    cluster-bootstrap code-generator component-base component-helpers controller-manager cri-api
    cri-client csi-translation-lib dynamic-resource-allocation endpointslice externaljwt kms
    kube-aggregator kube-controller-manager kube-proxy kube-scheduler kubectl kubelet metrics
    mount-utils pod-security-admission sample-apiserver sample-cli-plugin sample-controller
""".split()

_VERSION_PACKAGE = "k8s.io/component-base/version"


def _program(name: str, duration: str) -> golang.GoProgram:
    major, minor, _ = VERSION.removeprefix("v").split(".")
    return golang.GoProgram(
        name=name,
        package=f"k8s.io/kubernetes/cmd/{name}",
        module="k8s.io/kubernetes",
        version=VERSION,
        replace={f"k8s.io/{module}": STAGING_VERSION for module in STAGING},
        linker_flags=[
            f"-X {_VERSION_PACKAGE}.gitVersion={VERSION}",
            f"-X {_VERSION_PACKAGE}.gitMajor={major}",
            f"-X {_VERSION_PACKAGE}.gitMinor={minor}",
            f"-X {_VERSION_PACKAGE}.gitTreeState=clean",
        ],
        duration=duration,
    )


API_SERVER = _program("kube-apiserver", "5 minutes")
CONTROLLER_MANAGER = _program("kube-controller-manager", "2 minutes")


def install() -> None:
    """Build both programs, unless they are there.

    Raises:
        SetupError: Go is missing, or a module cannot be fetched or built.
    """
    golang.build(API_SERVER)
    golang.build(CONTROLLER_MANAGER)

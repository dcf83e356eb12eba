"""All gates, in the order in which they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.gates.adversarial import AdversarialGate
from checks.gates.architecture import ArchitectureGate
from checks.gates.cleanroom import CleanroomGate
from checks.gates.dependencies import DependenciesGate
from checks.gates.docs import DocsGate
from checks.gates.durability import DurabilityGate
from checks.gates.licences import LicencesGate
from checks.gates.metadata import MetadataGate
from checks.gates.reproducible import ReproducibleGate
from checks.gates.sbom import SbomGate
from checks.gates.secrets import SecretsGate
from checks.gates.shadowing import ShadowingGate
from checks.gates.startup import StartupGate
from checks.gates.static import StaticGate
from checks.gates.suites import SuitesGate
from checks.gates.suppressions import SuppressionsGate
from checks.gates.vulnerabilities import VulnerabilitiesGate
from checks.gates.wheel import WheelGate
from checks.gates.workflows import WorkflowsGate

if TYPE_CHECKING:
    from checks.gates.interface import Gate


def all_gates() -> tuple[Gate, ...]:
    """Return one of each gate: shadows first, since a stub would deceive all that follow."""
    return (
        ShadowingGate(),
        DependenciesGate(),
        ArchitectureGate(),
        StaticGate(),
        SuppressionsGate(),
        WorkflowsGate(),
        SecretsGate(),
        WheelGate(),
        ReproducibleGate(),
        MetadataGate(),
        CleanroomGate(),
        StartupGate(),
        DurabilityGate(),
        AdversarialGate(),
        DocsGate(),
        LicencesGate(),
        SbomGate(),
        VulnerabilitiesGate(),
        SuitesGate(),
    )

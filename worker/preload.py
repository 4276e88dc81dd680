"""What the fork server imports before it forks: torch and torchvision, imported and not used.

A fork of a process that has *used* torch may hang; one that has only imported it is ready in 0.02 s.
"""

import torch  # noqa: F401
import torchvision  # noqa: F401

import worker.training  # noqa: F401

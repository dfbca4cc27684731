"""What protects the machine from candidate code; see `autoreward doctor`."""

from typing import Literal

Tier = Literal["full", "seccomp", "process-only"]

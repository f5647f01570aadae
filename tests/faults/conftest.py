"""Fixtures that the faults share with the rooms' own tests."""

from tests.diffusion import conftest as diffusion
from tests.display import conftest as display

headless, ctx = display.headless, display.ctx
tiny_folder = diffusion.tiny_folder

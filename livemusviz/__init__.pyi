from livemusviz.api import analyse_track as analyse_track
from livemusviz.api import load_pipeline as load_pipeline
from livemusviz.api import parameters as parameters
from livemusviz.api import render_track as render_track
from livemusviz.control.options import ControlOptions as ControlOptions
from livemusviz.diffusion.spec import ModelSpec as ModelSpec
from livemusviz.errors import UserError as UserError
from livemusviz.live.config import LiveConfig as LiveConfig
from livemusviz.live.show import Show as Show
from livemusviz.render.options import RenderConfig as RenderConfig

__version__: str

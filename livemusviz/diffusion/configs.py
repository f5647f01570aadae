"""What a config.json may say: values that change the arithmetic are built or refused, by name. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

from livemusviz.errors import UserError

QUANTIZATION = "quantization"
"""The key under which a folder made by `models convert` says how its weights are packed."""


def refuse_unknown(
    config: dict[str, Any], where: str, only: Mapping[str, Collection[Any]], without_effect: Collection[str]
) -> None:
    """Raises UserError for a key whose effect would be missing here.

    only : keys that change the arithmetic, with the values that are built. without_effect : keys that are read
    elsewhere or that only say how the model was trained or stored. Any other key passes only where it is off.
    """
    for key, value in config.items():
        if key.startswith("_") or key == QUANTIZATION or key in without_effect:
            continue
        if key not in only:
            if value not in (None, False):
                raise UserError(f"{where}: {key} is not known here, so its effect ({value!r}) would be missing")
        elif value not in only[key]:
            allowed = ", ".join(repr(v) for v in only[key])
            raise UserError(f"{where}: {key} {value!r} is not implemented; only {allowed} is")

"""Reads sizes of pictures and other numbers from text, and limits them. Pure."""

from __future__ import annotations

import re

from livemusviz.errors import UserError

SIZE_STEP = 32  # pixels; what a UNet of two levels over 16-pixel latents can halve
SIZE_LIMITS = (64, 2048)
CANVAS_LIMITS = (64, 7680)


def whole_number(text: str, low: int, high: int) -> int | None:
    """Return the number that the digits of `text` make, if it lies within the limits, which are not negative."""
    if not text.isdecimal() or len(text) > 18 or not low <= int(text) <= high:
        return None
    return int(text)


def within(flag: str, value: float, low: float, high: float) -> float:
    """Return the number that was given to a flag. UserError outside the limits, or if it is none."""
    if not low <= value <= high:
        long = isinstance(value, int) and abs(value) > 10**15
        raise UserError(f"{flag} {'with so many digits' if long else f'{value:g}'}: give {low:g} to {high:g}")
    return value


def parse_size(text: str, limits: tuple[int, int] = SIZE_LIMITS, step: int = SIZE_STEP) -> tuple[int, int]:
    """'512' or '640x352' as (width, height). UserError outside `limits` or if not a multiple of `step`."""
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text.strip().lower())
    if match is None:
        raise UserError(f"size '{text[:32]}': give one number or WIDTHxHEIGHT, as 512 or 640x352")
    width = int(match[1])
    height = int(match[2] or match[1])
    for side in (width, height):
        if not limits[0] <= side <= limits[1]:
            raise UserError(f"size {width}x{height}: each side must be {limits[0]}..{limits[1]} pixels")
        if side % step:
            raise UserError(f"size {width}x{height}: each side must be a multiple of {step} pixels")
    return width, height

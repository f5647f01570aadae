/*{
    "DESCRIPTION": "One half of the picture, mirrored. The axis sways with the bar.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Tile Effect"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "mode", "TYPE": "long", "DEFAULT": 0, "VALUES": [0, 1, 2], "LABELS": ["left to right", "top to bottom", "both"]},
        {"NAME": "shift", "TYPE": "float", "DEFAULT": 0.0, "MIN": -0.25, "MAX": 0.25,
         "DRIVE": {"lfo": "sine", "beats": 16, "low": -0.12, "high": 0.12}}
    ]
}*/

void main() {
    vec2 p = isf_FragNormCoord;
    vec2 folded = 0.5 - abs(p - 0.5);
    if (mode != 1) p.x = clamp(folded.x + 0.2 + shift, 0.0, 1.0);
    if (mode != 0) p.y = clamp(1.0 - folded.y - 0.15 + shift, 0.0, 1.0);
    gl_FragColor = IMG_NORM_PIXEL(inputImage, p);
}

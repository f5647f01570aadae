/*{
    "DESCRIPTION": "The picture seen through moving water; the mids stir it.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Distortion"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "depth", "TYPE": "float", "DEFAULT": 0.35, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "mid", "gain": 0.5, "low": 0.3, "high": 1.0, "attack": 0.05, "release": 0.4}},
        {"NAME": "scale", "TYPE": "float", "DEFAULT": 1.0, "MIN": 0.3, "MAX": 4.0},
        {"NAME": "flow", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 628.3185307,
         "DRIVE": {"source": "energy", "low": 0.4, "high": 1.5, "accumulate": true}}
    ]
}*/

varying vec2 bent;

void main() {
    vec2 q = 1.0 - abs(1.0 - mod(bent, 2.0));
    gl_FragColor = IMG_NORM_PIXEL(inputImage, q);
}

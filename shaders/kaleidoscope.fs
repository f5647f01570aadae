/*{
    "DESCRIPTION": "The picture in a turning ring of mirrors.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Tile Effect"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "sides", "TYPE": "long", "DEFAULT": 6, "MIN": 2, "MAX": 16},
        {"NAME": "zoom", "TYPE": "float", "DEFAULT": 0.8, "MIN": 0.2, "MAX": 2.0},
        {"NAME": "bass", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "attack": 0.03, "release": 0.3}},
        {"NAME": "turn", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 6.2831853,
         "DRIVE": {"source": "energy", "low": 0.03, "high": 0.35, "accumulate": true}}
    ]
}*/

void main() {
    float aspect = RENDERSIZE.x / RENDERSIZE.y;
    vec2 p = (isf_FragNormCoord - 0.5) * vec2(aspect, 1.0);
    float wedge = 6.2831853 / float(max(sides, 2));
    float angle = mod(atan(p.y, p.x) + turn, wedge);
    angle = abs(angle - 0.5 * wedge) - 0.25 * wedge + turn * 2.0;
    vec2 q = length(p) * zoom * (1.0 - 0.14 * bass) * vec2(cos(angle), sin(angle));
    q = q / vec2(max(aspect, 1.0), 1.0) + 0.5;
    q = 1.0 - abs(1.0 - mod(q, 2.0));                       // beyond the edge the picture is mirrored
    gl_FragColor = IMG_NORM_PIXEL(inputImage, q);
}

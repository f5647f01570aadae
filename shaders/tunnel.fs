/*{
    "DESCRIPTION": "The picture as the walls of an endless tunnel, flown through as fast as the music is loud. A ring of light runs out of the dark with each beat.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Distortion", "Tile Effect"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "walls", "TYPE": "long", "DEFAULT": 3, "MIN": 1, "MAX": 8, "LABEL": "pictures around, each with its mirror image"},
        {"NAME": "twist", "TYPE": "float", "DEFAULT": 0.15, "MIN": -1.0, "MAX": 1.0},
        {"NAME": "fog", "TYPE": "float", "DEFAULT": 0.5, "MIN": 0.0, "MAX": 1.0},
        {"NAME": "ring", "TYPE": "float", "DEFAULT": 0.7, "MIN": 0.0, "MAX": 2.0},
        {"NAME": "phase", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0, "DRIVE": {"lfo": "saw", "beats": 1}},
        {"NAME": "travel", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 512.0,
         "DRIVE": {"source": "energy", "low": 0.12, "high": 0.9, "accumulate": true}},
        {"NAME": "bass", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "attack": 0.02, "release": 0.25}}
    ]
}*/

const float TURN = 6.2831853;
const float WIDTH = 0.34;       // of the tunnel: depth times distance from its middle

void main() {
    vec2 p = (isf_FragNormCoord - 0.5) * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    float r = max(length(p), 0.004);
    float depth = WIDTH * (1.0 + 0.18 * bass) / r;
    float angle = atan(p.y, p.x) / TURN + 0.5 + twist * 0.12 * depth;
    vec2 q = vec2(angle * 2.0 * float(walls), depth * 0.5 + travel);
    q = 1.0 - abs(1.0 - mod(q, 2.0));                       // mirrored, so that no seam shows
    vec3 color = IMG_NORM_PIXEL(inputImage, q).rgb;

    float light = exp(-fog * max(depth - 0.7, 0.0) * 0.55);             // the far end lies in the dark
    float at = WIDTH / (0.03 + 1.1 * phase * phase);                    // depth of the ring: it comes nearer
    float lit = ring * exp(-abs(depth - at) * 2.2) * (1.0 - phase);
    color *= light;
    color += lit * (color + 0.25 * sqrt(color)) * (1.0 - color);
    gl_FragColor = vec4(color, 1.0);
}

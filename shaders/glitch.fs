/*{
    "DESCRIPTION": "Rows and blocks that lose their place when the sound strikes.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Glitch"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "amount", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "onset", "curve": "square", "release": 0.1}},
        {"NAME": "rows", "TYPE": "float", "DEFAULT": 24.0, "MIN": 4.0, "MAX": 120.0},
        {"NAME": "beat", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 4096.0,
         "DRIVE": {"source": "one", "low": 9.0, "high": 9.0, "accumulate": true}}
    ]
}*/

float hash(vec2 p) {
    p = fract(p * vec2(0.3183099, 0.3678794) + vec2(0.71, 0.113)) * 17.0;
    return fract(p.x * p.y * (p.x + p.y));
}

void main() {
    vec2 p = isf_FragNormCoord;
    float now = floor(beat);
    float row = floor(p.y * rows);
    float chosen = step(1.0 - 0.55 * amount, hash(vec2(row, now)));
    float push = (hash(vec2(now, row * 1.7)) - 0.5) * 0.22 * amount * chosen;
    vec2 block = floor(p * vec2(8.0, 5.0));
    float torn = step(1.0 - 0.16 * amount, hash(block + now * 3.1));
    vec2 q = p + vec2(push, 0.0) + torn * (vec2(hash(block), hash(block + 9.0)) - 0.5) * 0.18;
    q = 1.0 - abs(1.0 - mod(q + 2.0, 2.0));
    float split = 0.016 * amount * max(chosen, torn);
    vec3 color = vec3(IMG_NORM_PIXEL(inputImage, q + vec2(split, 0.0)).r,
                      IMG_NORM_PIXEL(inputImage, q).g,
                      IMG_NORM_PIXEL(inputImage, q - vec2(split, 0.0)).b);
    gl_FragColor = vec4(mix(color, color.gbr, torn * 0.6), 1.0);
}

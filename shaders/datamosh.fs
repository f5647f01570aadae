/*{
    "DESCRIPTION": "The look of a broken video stream: old blocks are pushed about by what moves, and a strong onset cleans them.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Glitch"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "hold", "TYPE": "float", "DEFAULT": 0.9, "MIN": 0.0, "MAX": 1.0},
        {"NAME": "push", "TYPE": "float", "DEFAULT": 0.5, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "low": 0.2, "high": 1.0, "attack": 0.02, "release": 0.2}},
        {"NAME": "clean", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "onset", "curve": "step", "release": 0.04}}
    ],
    "PASSES": [{"TARGET": "mosh", "PERSISTENT": true}]
}*/

const vec3 LUMA = vec3(0.299, 0.587, 0.114);

void main() {
    vec2 p = isf_FragNormCoord;
    vec2 blocks = vec2(40.0, 40.0 * RENDERSIZE.y / RENDERSIZE.x);
    vec2 middle = (floor(p * blocks) + 0.5) / blocks, d = 0.7 / blocks;
    vec3 fresh = IMG_NORM_PIXEL(inputImage, p).rgb;
    float left = dot(IMG_NORM_PIXEL(inputImage, middle - vec2(d.x, 0.0)).rgb, LUMA);
    float right = dot(IMG_NORM_PIXEL(inputImage, middle + vec2(d.x, 0.0)).rgb, LUMA);
    float below = dot(IMG_NORM_PIXEL(inputImage, middle - vec2(0.0, d.y)).rgb, LUMA);
    float above = dot(IMG_NORM_PIXEL(inputImage, middle + vec2(0.0, d.y)).rgb, LUMA);
    vec2 slope = vec2(right - left, above - below);
    vec2 move = vec2(slope.y, -slope.x) * push * TIMEDELTA * 1.6;       // along the edges, block by block
    vec3 old = IMG_NORM_PIXEL(mosh, clamp(p + move, 0.0, 1.0)).rgb - 0.004;
    float keep = hold * (1.0 - 0.8 * clean);
    keep = pow(clamp(keep, 0.0, 0.995), TIMEDELTA * 12.0 / (0.4 + length(slope) * 4.0));
    gl_FragColor = vec4(FRAMEINDEX == 0 ? fresh : mix(fresh, old, keep), 1.0);
}

/*{
    "DESCRIPTION": "The spectrum of the sound as a ring of light over the picture.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Audio Visualizer"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "spectrum", "TYPE": "audioFFT", "MAX": 256},
        {"NAME": "radius", "TYPE": "float", "DEFAULT": 0.26, "MIN": 0.05, "MAX": 0.5,
         "DRIVE": {"source": "bass", "gain": 0.5, "low": 0.24, "high": 0.30, "attack": 0.01, "release": 0.2}},
        {"NAME": "height", "TYPE": "float", "DEFAULT": 0.2, "MIN": 0.0, "MAX": 0.6},
        {"NAME": "amount", "TYPE": "float", "DEFAULT": 0.9, "MIN": 0.0, "MAX": 1.0},
        {"NAME": "turn", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 6.2831853,
         "DRIVE": {"source": "energy", "low": 0.02, "high": 0.2, "accumulate": true}},
        {"NAME": "light", "TYPE": "color", "DEFAULT": [1.0, 0.95, 0.85, 1.0]}
    ]
}*/

const float BARS = 96.0;

void main() {
    vec3 picture = IMG_THIS_PIXEL(inputImage).rgb;
    float aspect = RENDERSIZE.x / RENDERSIZE.y;
    vec2 p = (isf_FragNormCoord - 0.5) * vec2(aspect, 1.0);
    float r = length(p);
    vec3 color = picture;
    if (r > radius - 0.03 && r < radius + height + 0.03) {
        float a = fract((atan(p.x, p.y) + turn) / 6.2831853);
        float side = 1.0 - abs(2.0 * a - 1.0);                          // both halves run from bass to treble
        float bar = (floor(side * BARS * 0.5) + 0.5) / (BARS * 0.5);
        float heard = IMG_NORM_PIXEL(spectrum, vec2(0.004 + 0.6 * bar * bar, 0.5)).r;
        float top = radius + 0.006 + height * heard;
        float across = abs(fract(side * BARS * 0.5) - 0.5);
        float soft = 1.5 / RENDERSIZE.y;
        float inside = smoothstep(radius - soft, radius + soft, r) * smoothstep(top + soft, top - soft, r);
        float beam = smoothstep(0.42, 0.30, across);
        float halo = 0.35 * exp(-abs(r - radius) * 60.0);
        float shade = clamp((r - radius) / max(height, 0.01), 0.0, 1.0);
        vec3 tone = mix(light.rgb, 0.5 + 0.5 * cos(vec3(0.0, 2.1, 4.2) + side * 4.0), 0.35 + 0.4 * shade);
        color = mix(picture, tone, amount * clamp(inside * beam + halo, 0.0, 1.0));
    }
    gl_FragColor = vec4(color, 1.0);
}

/*{
    "DESCRIPTION": "Edges light up in neon while the picture steps back.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Stylize", "Glow"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "amount", "TYPE": "float", "DEFAULT": 0.8, "MIN": 0.0, "MAX": 2.0,
         "DRIVE": {"source": "onset", "low": 0.6, "high": 1.6, "release": 0.15}},
        {"NAME": "dim", "TYPE": "float", "DEFAULT": 0.45, "MIN": 0.0, "MAX": 1.0},
        {"NAME": "glow_color", "TYPE": "color", "DEFAULT": [0.25, 0.8, 1.0, 1.0]},
        {"NAME": "own_color", "TYPE": "float", "DEFAULT": 0.6, "MIN": 0.0, "MAX": 1.0, "LABEL": "0 glow colour, 1 the picture's own"}
    ]
}*/

const vec3 LUMA = vec3(0.299, 0.587, 0.114);

void main() {
    vec2 p = isf_FragNormCoord, d = vec2(0.0045 * RENDERSIZE.y / RENDERSIZE.x, 0.0045);
    vec3 picture = IMG_NORM_PIXEL(inputImage, p).rgb;
    vec3 gx = IMG_NORM_PIXEL(inputImage, p + vec2(d.x, 0.0)).rgb - IMG_NORM_PIXEL(inputImage, p - vec2(d.x, 0.0)).rgb;
    vec3 gy = IMG_NORM_PIXEL(inputImage, p + vec2(0.0, d.y)).rgb - IMG_NORM_PIXEL(inputImage, p - vec2(0.0, d.y)).rgb;
    float edge = sqrt(dot(gx * gx + gy * gy, vec3(1.0)));
    edge = smoothstep(0.02, 0.22, edge);
    float peak = max(max(picture.r, picture.g), max(picture.b, 0.08));
    vec3 tone = mix(glow_color.rgb, picture / peak, own_color);
    vec3 light = tone * edge * amount;
    vec3 base = picture * (1.0 - dim);
    gl_FragColor = vec4(base + light * (1.0 - base), 1.0);
}

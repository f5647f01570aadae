/*{
    "DESCRIPTION": "Dark corners and film grain.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Film"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "darkness", "TYPE": "float", "DEFAULT": 0.55, "MIN": 0.0, "MAX": 1.0},
        {"NAME": "grain", "TYPE": "float", "DEFAULT": 0.25, "MIN": 0.0, "MAX": 1.0},
        {"NAME": "breath", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "attack": 0.03, "release": 0.3}}
    ]
}*/

void main() {
    vec3 picture = IMG_THIS_PIXEL(inputImage).rgb;
    vec2 p = (isf_FragNormCoord - 0.5) * 2.0;
    float edge = clamp(dot(p, p) * 0.5 - 0.12 * breath, 0.0, 1.0);
    float shade = 1.0 - darkness * edge * edge * (3.0 - 2.0 * edge);
    vec2 n = fract((gl_FragCoord.xy + mod(float(FRAMEINDEX), 61.0) * 5.588) * vec2(0.1031, 0.1030));
    n += dot(n, n.yx + 33.33);
    float noise = fract((n.x + n.y) * n.x) - 0.5;
    float mid = dot(picture, vec3(0.299, 0.587, 0.114));
    gl_FragColor = vec4(picture * shade + noise * grain * 0.22 * (0.35 + mid * (1.0 - mid) * 3.0) * step(0.004, mid), 1.0);
}

/*{
    "DESCRIPTION": "The picture as a silk-screen print: two inks in dots on coloured paper. The bass presses harder, an onset shifts the second plate.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Stylize", "Halftone Effect"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "dots", "TYPE": "float", "DEFAULT": 44.0, "MIN": 10.0, "MAX": 120.0, "LABEL": "rows of dots"},
        {"NAME": "press", "TYPE": "float", "DEFAULT": 0.5, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "low": 0.4, "high": 0.75, "attack": 0.02, "release": 0.25}},
        {"NAME": "shift", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "onset", "release": 0.15}},
        {"NAME": "turn", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.5707963,
         "DRIVE": {"source": "energy", "low": 0.01, "high": 0.08, "accumulate": true}},
        {"NAME": "paper", "TYPE": "color", "DEFAULT": [1.0, 0.86, 0.12, 1.0]},
        {"NAME": "first", "TYPE": "color", "DEFAULT": [0.95, 0.10, 0.45, 1.0]},
        {"NAME": "second", "TYPE": "color", "DEFAULT": [0.05, 0.10, 0.45, 1.0]}
    ]
}*/

const vec3 LUMA = vec3(0.299, 0.587, 0.114);

// The share of ink here, 0..1: a dot in each cell of a turned grid, as large as the picture is dark between `low` and `high`.
float dotted(vec2 p, float angle, float low, float high) {
    float c = cos(angle), s = sin(angle);
    mat2 grid = mat2(c, s, -s, c);
    vec2 cell = (floor(grid * p * dots) + 0.5) / dots;
    vec2 middle = cell * grid;                              // the inverse of a rotation is its transpose
    float light = dot(IMG_NORM_PIXEL(inputImage, middle * vec2(RENDERSIZE.y / RENDERSIZE.x, 1.0) + 0.5).rgb, LUMA);
    float ink = 1.0 - smoothstep(low, high, light);
    float radius = sqrt(ink) * (0.50 + 0.34 * press) / dots;
    float soft = 0.8 / RENDERSIZE.y;
    return 1.0 - smoothstep(radius - soft, radius + soft, length(p - middle));
}

void main() {
    vec2 p = (isf_FragNormCoord - 0.5) * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    vec3 color = mix(paper.rgb, first.rgb, dotted(p + vec2(0.012, 0.006) * shift, 0.26 + turn, 0.25, 0.85));
    color = mix(color, second.rgb, dotted(p, 1.05 + turn, 0.02, 0.38));
    gl_FragColor = vec4(color, 1.0);
}

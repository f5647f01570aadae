/*{
    "DESCRIPTION": "Lines of equal brightness, as on a map or in marbled paper. They spread with the music.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Stylize"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "lines", "TYPE": "float", "DEFAULT": 12.0, "MIN": 2.0, "MAX": 40.0},
        {"NAME": "thickness", "TYPE": "float", "DEFAULT": 0.35, "MIN": 0.05, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "low": 0.22, "high": 0.6, "attack": 0.02, "release": 0.3}},
        {"NAME": "flow", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1000.0,
         "DRIVE": {"source": "energy", "low": 0.08, "high": 0.7, "accumulate": true}},
        {"NAME": "paper", "TYPE": "color", "DEFAULT": [0.95, 0.92, 0.85, 1.0]},
        {"NAME": "ink", "TYPE": "color", "DEFAULT": [0.06, 0.09, 0.22, 1.0]},
        {"NAME": "accent", "TYPE": "color", "DEFAULT": [0.85, 0.12, 0.10, 1.0]},
        {"NAME": "wash", "TYPE": "float", "DEFAULT": 0.5, "MIN": 0.0, "MAX": 1.0, "LABEL": "ink between the lines, where the picture is dark"},
        {"NAME": "strike", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0, "LABEL": "accent on every fourth line",
         "DRIVE": {"source": "onset", "low": 0.25, "high": 1.0, "release": 0.3}}
    ],
    "PASSES": [
        {"TARGET": "small", "WIDTH": "max($WIDTH / 8.0, 16.0)", "HEIGHT": "max($HEIGHT / 8.0, 9.0)", "FLOAT": true},
        {"TARGET": "soft", "WIDTH": "max($WIDTH / 8.0, 16.0)", "HEIGHT": "max($HEIGHT / 8.0, 9.0)", "FLOAT": true},
        {}
    ]
}*/

const vec3 LUMA = vec3(0.299, 0.587, 0.114);

// The mean of four taps around p, `reach` texels away: between large texels too it changes smoothly.
vec3 around(sampler2D image, vec2 p, vec2 reach) {
    return 0.25 * (IMG_NORM_PIXEL(image, p + reach).rgb + IMG_NORM_PIXEL(image, p - reach).rgb
                 + IMG_NORM_PIXEL(image, p + vec2(reach.x, -reach.y)).rgb + IMG_NORM_PIXEL(image, p + vec2(-reach.x, reach.y)).rgb);
}

void main() {
    vec2 p = isf_FragNormCoord;
    if (PASSINDEX == 0) {
        gl_FragColor = vec4(vec3(dot(around(inputImage, p, 0.6 / RENDERSIZE), LUMA)), 1.0);
    } else if (PASSINDEX == 1) {
        gl_FragColor = vec4(0.5 * (around(small, p, 1.5 / RENDERSIZE) + around(small, p, 2.7 / RENDERSIZE)), 1.0);
    } else {
        vec2 d = 0.75 / IMG_SIZE(soft);
        float a = IMG_NORM_PIXEL(soft, p + d).r, b = IMG_NORM_PIXEL(soft, p + vec2(-d.x, d.y)).r;
        float c = IMG_NORM_PIXEL(soft, p - d).r, e = IMG_NORM_PIXEL(soft, p + vec2(d.x, -d.y)).r;
        vec2 slope = 0.5 * vec2(a + e - b - c, a + b - c - e) * IMG_SIZE(soft) / (1.5 * RENDERSIZE);     // a pixel
        float height = 0.25 * (a + b + c + e) * lines - flow;
        float steep = max(lines * length(slope), 1e-5);                 // lines a pixel
        float away = abs(fract(height) - 0.5) / steep;                  // pixels to the nearest line
        float wide = thickness * RENDERSIZE.y / 130.0;
        float line = 1.0 - smoothstep(wide - 0.7, wide + 0.7, away);
        line *= smoothstep(0.001, 0.006, steep * RENDERSIZE.y / 360.0);     // a plain has none

        float dark = smoothstep(0.62, 0.38, dot(IMG_NORM_PIXEL(inputImage, p).rgb, LUMA)) * wash;
        vec3 ground = mix(paper.rgb, ink.rgb, dark);
        float fourth = step(mod(floor(height), 4.0), 0.5) * strike;
        vec3 pen = mix(mix(ink.rgb, paper.rgb, dark), accent.rgb, fourth);  // light lines on dark ground
        gl_FragColor = vec4(mix(ground, pen, line), 1.0);
    }
}

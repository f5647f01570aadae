/*{
    "DESCRIPTION": "The picture's brightness as a relief of polished metal, under a sky of two colours and a lamp that circles with the music.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Stylize"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "metal", "TYPE": "float", "DEFAULT": 0.8, "MIN": 0.0, "MAX": 1.0, "LABEL": "0 the picture with gloss, 1 metal alone"},
        {"NAME": "relief", "TYPE": "float", "DEFAULT": 0.5, "MIN": 0.05, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "low": 0.4, "high": 0.8, "attack": 0.03, "release": 0.3}},
        {"NAME": "gloss", "TYPE": "float", "DEFAULT": 0.7, "MIN": 0.0, "MAX": 2.0,
         "DRIVE": {"source": "onset", "low": 0.5, "high": 1.2, "release": 0.2}},
        {"NAME": "zenith", "TYPE": "color", "DEFAULT": [0.15, 0.45, 1.0, 1.0]},
        {"NAME": "horizon", "TYPE": "color", "DEFAULT": [1.0, 0.35, 0.65, 1.0]},
        {"NAME": "orbit", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 6.2831853,
         "DRIVE": {"source": "energy", "low": 0.15, "high": 1.1, "accumulate": true}}
    ],
    "PASSES": [
        {"TARGET": "soft", "WIDTH": "max($WIDTH / 3.0, 16.0)", "HEIGHT": "max($HEIGHT / 3.0, 9.0)", "FLOAT": true},
        {}
    ]
}*/

const vec3 LUMA = vec3(0.299, 0.587, 0.114);

float brightness(vec2 p) { return dot(IMG_NORM_PIXEL(inputImage, p).rgb, LUMA); }

void main() {
    vec2 p = isf_FragNormCoord;
    if (PASSINDEX == 0) {                                   // blurred, or the metal would show every pixel's noise
        vec2 r = vec2(0.009 * RENDERSIZE.y / RENDERSIZE.x, 0.009);
        float sum = brightness(p) * 2.0;
        for (int i = 0; i < 6; i++) {
            float turn = 1.0471976 * float(i);
            sum += brightness(p + r * vec2(cos(turn), sin(turn)));
        }
        gl_FragColor = vec4(vec3(sum / 8.0), 1.0);
        return;
    }
    vec2 d = 1.3 / IMG_SIZE(soft);
    vec3 picture = IMG_NORM_PIXEL(inputImage, p).rgb;
    float right = IMG_NORM_PIXEL(soft, p + vec2(d.x, 0.0)).r, left = IMG_NORM_PIXEL(soft, p - vec2(d.x, 0.0)).r;
    float above = IMG_NORM_PIXEL(soft, p + vec2(0.0, d.y)).r, below = IMG_NORM_PIXEL(soft, p - vec2(0.0, d.y)).r;
    vec3 n = normalize(vec3(left - right, below - above, 0.40 - 0.34 * relief));
    vec3 seen = reflect(vec3(0.0, 0.0, -1.0), n);
    vec3 lamp = normalize(vec3(cos(orbit), sin(orbit), 0.8));

    float up = seen.y + 0.25 * sin(3.0 * seen.x + orbit);
    vec3 sky = mix(horizon.rgb, zenith.rgb, smoothstep(0.0, 0.8, up));
    vec3 floor_ = mix(vec3(0.02, 0.015, 0.03), horizon.rgb * 0.5, smoothstep(-0.9, -0.1, up));
    vec3 mirrored = mix(floor_, sky, smoothstep(-0.06, 0.06, up));      // a sharp horizon is what makes metal
    mirrored += 0.55 * exp(-pow(up * 7.0, 2.0)) * (0.5 + horizon.rgb);
    mirrored *= 0.35 + 0.65 * sqrt(clamp(0.25 * (right + left + above + below), 0.0, 1.0));

    float shine = gloss * pow(clamp(dot(seen, lamp), 0.0, 1.0), 18.0);
    vec3 base = mix(picture * (0.55 + 0.6 * clamp(dot(n, lamp), 0.0, 1.0)), mirrored, metal);
    base = min(base, 1.0);
    gl_FragColor = vec4(base + shine * (1.0 - base), 1.0);
}

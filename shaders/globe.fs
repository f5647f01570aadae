/*{
    "DESCRIPTION": "The picture as the surface of a turning planet; the spectrum is its rings, the bass its breath.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Distortion", "Audio Visualizer"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "spectrum", "TYPE": "audioFFT", "MAX": 256},
        {"NAME": "size", "TYPE": "float", "DEFAULT": 0.33, "MIN": 0.1, "MAX": 0.5},
        {"NAME": "tilt", "TYPE": "float", "DEFAULT": 0.3, "MIN": 0.08, "MAX": 1.0, "LABEL": "of the rings: 0 edge on, 1 from above",
         "DRIVE": {"lfo": "sine", "beats": 16, "low": 0.2, "high": 0.42}},
        {"NAME": "rings", "TYPE": "float", "DEFAULT": 1.0, "MIN": 0.0, "MAX": 2.0},
        {"NAME": "air", "TYPE": "color", "DEFAULT": [0.45, 0.7, 1.0, 1.0]},
        {"NAME": "bass", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "attack": 0.02, "release": 0.25}},
        {"NAME": "hit", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0, "DRIVE": {"source": "onset", "release": 0.2}},
        {"NAME": "turn", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 512.0,
         "DRIVE": {"source": "energy", "low": 0.03, "high": 0.22, "accumulate": true}}
    ]
}*/

float hash(vec2 p) {
    p = fract(p * vec2(0.3183099, 0.3678794) + vec2(0.71, 0.113)) * 17.0;
    return fract(p.x * p.y * (p.x + p.y));
}

vec3 sky(vec2 p) {
    vec2 cell = floor(p * 22.0), inside = fract(p * 22.0) - 0.5;
    float seed = hash(cell);
    float d = length(inside - 0.5 * vec2(sin(seed * 61.0), cos(seed * 47.0)) * 0.7);
    float star = step(0.72, seed) * smoothstep(0.13, 0.0, d) * (0.4 + 0.6 * fract(seed * 37.0) + hit * fract(seed * 91.0));
    return mix(vec3(0.7, 0.8, 1.0), vec3(1.0, 0.85, 0.7), fract(seed * 13.0)) * star;
}

void main() {
    vec2 p = (isf_FragNormCoord - 0.5) * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    float radius = size * (1.0 + 0.10 * bass), soft = 1.5 / RENDERSIZE.y;
    p = mat2(0.927, 0.375, -0.375, 0.927) * p;              // the axis leans by 22 degrees
    float r = length(p);
    float halo = (0.75 * exp(-max(r - radius, 0.0) * 16.0) + 0.25 * exp(-max(r - radius, 0.0) * 3.5)) * (0.4 + 0.4 * bass);
    vec3 color = sky(p + vec2(turn * 0.02, 0.0)) * smoothstep(radius, radius * 1.3, r) + air.rgb * halo * step(radius, r);

    vec3 n = vec3(p / radius, 0.0);
    n.z = sqrt(max(1.0 - dot(n.xy, n.xy), 0.0));
    float round_ = smoothstep(radius + soft, radius - soft, r);
    vec2 q = vec2(atan(n.x, max(n.z, 1e-3)) / 3.1415927 + turn, 0.5 + 0.46 * n.y);
    q.x = 1.0 - abs(1.0 - mod(q.x, 2.0));
    vec3 ground = IMG_NORM_PIXEL(inputImage, q).rgb;
    float day = clamp(dot(n, vec3(-0.56, 0.42, 0.71)), 0.0, 1.0);
    float rim = pow(1.0 - n.z, 3.0);
    ground = ground * (0.06 + 1.15 * day) + air.rgb * rim * (0.25 + 0.5 * day);
    color = mix(color, min(ground, 1.0), round_);

    vec2 flat_ = vec2(p.x, p.y / tilt);                     // where the ray meets the plane of the rings
    float far = length(flat_) / radius;
    float across = clamp((far - 1.25) / 0.9, 0.0, 1.0);
    float heard = IMG_NORM_PIXEL(spectrum, vec2(0.006 + 0.5 * across * across, 0.5)).r;
    float band = 0.55 + 0.45 * sin(across * 70.0) * sin(across * 23.0 + 1.0);
    float dust = smoothstep(1.23, 1.28, far) * smoothstep(2.15, 2.05, far) * (0.2 + 1.6 * heard * heard) * band * rings;
    float shadow = 1.0 - 0.85 * step(0.0, p.y) * smoothstep(1.1, 0.9, abs(p.x + 0.45 * p.y / tilt - 0.3 * radius) / radius);
    float before = max(1.0 - round_, step(p.y, 0.0));       // the near half passes in front of the planet
    vec3 tone = mix(air.rgb, IMG_NORM_PIXEL(inputImage, vec2(0.1 + 0.8 * across, 0.5)).rgb, 0.6) + 0.15;
    float share = clamp(dust, 0.0, 1.0) * before;
    color = mix(color, min(tone * (0.6 + 0.7 * heard) * shadow, 1.0), share);
    gl_FragColor = vec4(color, 1.0);
}

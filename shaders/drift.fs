/*{
    "DESCRIPTION": "Three depths of sparks that drift past a slow glow. An idle scene for small stages.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Generator"],
    "INPUTS": [
        {"NAME": "bass", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "attack": 0.02, "release": 0.25}},
        {"NAME": "hit", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0, "DRIVE": "onset"},
        {"NAME": "flow", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1000.0,
         "DRIVE": {"source": "energy", "low": 0.12, "high": 0.6, "accumulate": true}},
        {"NAME": "warm", "TYPE": "color", "DEFAULT": [1.0, 0.62, 0.30, 1.0]},
        {"NAME": "cold", "TYPE": "color", "DEFAULT": [0.20, 0.42, 0.95, 1.0]}
    ]
}*/

float hash(vec2 p) {
    p = fract(p * vec2(0.3183099, 0.3678794) + vec2(0.71, 0.113));
    p *= 17.0;
    return fract(p.x * p.y * (p.x + p.y));
}

vec3 sparks(vec2 p, float depth) {
    vec2 cell = floor(p), inside = fract(p) - 0.5;
    float seed = hash(cell + depth * 31.7);
    vec2 place = 0.32 * vec2(sin(seed * 61.0 + flow * 1.3), cos(seed * 47.0 - flow));
    float d = length(inside - place);
    float size = (0.05 + 0.09 * fract(seed * 7.3)) * (1.0 + 0.7 * hit * step(0.5, fract(seed * 3.1)));
    float glow = size * size / (d * d + 0.003) * smoothstep(0.5, 0.15, d);
    float blink = 0.45 + 0.55 * sin(seed * 90.0 + flow * 4.0);
    return mix(cold.rgb, warm.rgb, fract(seed * 13.7)) * glow * blink * step(0.35, seed);
}

void main() {
    float aspect = RENDERSIZE.x / RENDERSIZE.y;
    vec2 p = (isf_FragNormCoord - 0.5) * vec2(aspect, 1.0);
    float far = 0.5 + 0.5 * sin(p.x * 2.1 + sin(p.y * 1.7 + flow * 0.3) * 1.5 + flow * 0.21);
    float near = 0.5 + 0.5 * sin(p.y * 2.9 - sin(p.x * 1.3 - flow * 0.26) * 1.8);
    vec3 sum = cold.rgb * (0.03 + 0.20 * far * far) + warm.rgb * 0.16 * near * near * (0.5 + bass);
    sum += sparks(p * 4.0 + vec2(flow * 0.10, flow * 0.02), 1.0) * 0.35;
    sum += sparks(p * 7.0 + vec2(flow * 0.25, -flow * 0.06), 2.0) * 0.8;
    sum += sparks(p * 11.0 + vec2(flow * 0.50, flow * 0.12), 3.0) * 0.55;
    sum *= (1.0 - 0.35 * dot(p, p)) * (0.8 + 0.5 * bass);
    float noise = fract(dot(gl_FragCoord.xy, vec2(0.7548777, 0.5698403)) + mod(float(FRAMEINDEX), 64.0) * 0.618034);
    gl_FragColor = vec4(1.0 - exp(-1.6 * sum) + (noise - 0.5) / 255.0, 1.0);
}

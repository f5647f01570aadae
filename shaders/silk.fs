/*{
    "DESCRIPTION": "Folds of light in the dark, which breathe with the sound. The idle scene.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Generator"],
    "INPUTS": [
        {"NAME": "bass", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "attack": 0.02, "release": 0.22}},
        {"NAME": "treble", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "treble", "gain": 0.5, "attack": 0.02, "release": 0.15}},
        {"NAME": "hit", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0, "DRIVE": "onset"},
        {"NAME": "flow", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 628.3185307,
         "DRIVE": {"source": "energy", "low": 0.17, "high": 0.6, "accumulate": true}},
        {"NAME": "hue", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 6.2831853}
    ]
}*/

void main() {
    float aspect = RENDERSIZE.x / RENDERSIZE.y;
    vec4 phases = flow * vec4(1.0, 0.76, 0.56, 0.43) + vec4(0.0, 1.3, 2.9, 4.1);
    vec2 p = (isf_FragNormCoord - 0.5) * vec2(aspect, 1.0) * 3.3;
    vec2 q = p;
    float fold = 0.0;
    for (int i = 1; i <= 4; i++) {
        float k = float(i);
        q += vec2(sin(q.y * 1.15 * k + phases.x + k), sin(q.x * 1.05 * k + phases.y - k * 1.7)) * (0.62 + 0.1 * bass) / k;
        fold += sin(q.x + q.y + phases.z * k) / k;
    }
    float ribbon = 1.0 - abs(sin(q.x * 1.1 + fold * 0.6));
    float thread = 1.0 - abs(sin(q.y * 1.6 - fold + phases.w));
    float silk = 0.5 + 0.5 * sin(q.x * 9.0 + q.y * 5.0 + fold * 3.0 - phases.y * 2.0);
    float veil = ribbon * ribbon;
    ribbon = veil * veil * ribbon;
    thread *= thread * thread * thread;

    vec3 tone = 0.5 + 0.5 * cos(vec3(0.0, 1.9, 3.9) + fold * 0.75 + q.x * 0.35 + phases.z + hue);
    vec3 light = mix(vec3(0.10, 0.32, 0.75), tone, 0.75);
    vec3 sum = vec3(0.010, 0.016, 0.045) + 0.10 * tone.zxy * (fold * 0.25 + 0.6);
    sum += light * veil * (0.14 + 0.5 * silk * silk) * (0.7 + 0.6 * bass);
    sum += (light + 0.35 * ribbon) * ribbon * (0.50 + 0.45 * bass);
    sum += (0.4 + 0.6 * tone.yzx) * thread * (0.26 + 0.50 * treble);
    sum *= 1.0 + 0.5 * hit;
    sum *= 1.0 - 0.09 * dot(p, p) / (1.0 + aspect * aspect);
    float noise = fract(dot(gl_FragCoord.xy, vec2(0.7548777, 0.5698403)) + mod(float(FRAMEINDEX), 64.0) * 0.618034);
    gl_FragColor = vec4(1.0 - exp(-1.5 * sum) + (noise - 0.5) / 255.0, 1.0);
}

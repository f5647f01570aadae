// What is seen before the first generated picture: folds of light in the dark, which breathe with the sound.
uniform float aspect;       // width / height of the canvas
uniform float bass;         // 0..1
uniform float treble;       // 0..1
uniform float hit;          // 0..1, an onset's envelope
uniform float seed;         // 0..1, another one each frame, for the dither
uniform vec4 phases;        // radians, four slow clocks
in vec2 v_uv;
out vec4 color;

void main() {
    vec2 p = (v_uv - 0.5) * vec2(aspect, 1.0) * 3.3;
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

    vec3 hue = 0.5 + 0.5 * cos(vec3(0.0, 1.9, 3.9) + fold * 0.75 + q.x * 0.35 + phases.z);
    vec3 light = mix(vec3(0.10, 0.32, 0.75), hue, 0.75);
    vec3 sum = vec3(0.010, 0.016, 0.045) + 0.10 * hue.zxy * (fold * 0.25 + 0.6);
    sum += light * veil * (0.14 + 0.5 * silk * silk) * (0.7 + 0.6 * bass);
    sum += (light + 0.35 * ribbon) * ribbon * (0.50 + 0.45 * bass);
    sum += (0.4 + 0.6 * hue.yzx) * thread * (0.26 + 0.50 * treble);
    sum *= 1.0 + 0.5 * hit;
    sum *= 1.0 - 0.09 * dot(p, p) / (1.0 + aspect * aspect);
    float noise = fract(dot(gl_FragCoord.xy, vec2(0.7548777, 0.5698403)) + seed);
    color = vec4(1.0 - exp(-1.5 * sum) + (noise - 0.5) / 255.0, 1.0);
}

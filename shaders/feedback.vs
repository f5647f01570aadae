// The motion of the feedback, worked out on a coarse mesh so that a pixel costs only two look-ups. What is the same for
// all pixels is worked out here as well, since a software renderer would do it again for each.
varying vec2 place;
varying vec2 before;
flat varying vec4 rest;

const float OVERSCAN = 0.965;   // the drift never reaches the picture's edge

void main() {
    isf_vertShaderInit();
    float aspect = RENDERSIZE.x / RENDERSIZE.y;
    float kick = hit * pulse;
    vec4 phases = flow * vec4(1.0, 0.76, 0.56, 0.43) + vec4(0.0, 1.3, 2.9, 4.1);
    vec2 p = (isf_FragNormCoord - 0.5) * vec2(aspect, 1.0);

    vec2 wave = vec2(sin(p.y * 3.1 + phases.x) + sin(p.y * 5.3 - p.x * 2.0 + phases.y),
                     sin(p.x * 2.7 + phases.z) + sin(p.x * 4.6 + p.y * 2.3 + phases.w));
    float near = 1.0 - kick * (0.105 - 0.05 * dot(p, p));
    place = (p * near * OVERSCAN + wave * 0.0075) / vec2(aspect, 1.0) + 0.5;

    float growth = zoom * (0.12 + 0.35 * energy + 0.75 * bass) + 2.2 * kick;            // 1/s
    float turn = 0.35 * zoom * energy * sin(phases.y * 2.0) * TIMEDELTA;                // radians
    float swirl = clamp(zoom * (0.1 + energy) * TIMEDELTA * 30.0, 0.0, 1.0);
    float c = cos(turn), s = sin(turn);
    vec2 q = mat2(c, s, -s, c) * p / exp(growth * TIMEDELTA) + wave.yx * swirl * 0.004;
    before = q / vec2(aspect, 1.0) + 0.5;

    float life = 0.03 + zoom * (0.10 + 0.34 * energy + 0.12 * bass);                    // s
    rest = vec4(1.0 - 0.12 * zoom * energy, kick * 1.6, mod(float(FRAMEINDEX), 64.0) * 0.618034,
                exp(-TIMEDELTA / life));
}

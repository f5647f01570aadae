// The bending, on a coarse mesh: a pixel costs one look-up.
varying vec2 bent;

void main() {
    isf_vertShaderInit();
    float aspect = RENDERSIZE.x / RENDERSIZE.y;
    vec2 p = isf_FragNormCoord * vec2(aspect, 1.0) * scale;
    vec2 wave = vec2(sin(p.y * 7.1 + flow) + 0.6 * sin(p.y * 13.0 - p.x * 5.0 + flow * 0.77),
                     sin(p.x * 6.3 - flow * 0.83) + 0.6 * sin(p.x * 11.0 + p.y * 4.0 + flow * 0.56));
    bent = isf_FragNormCoord + wave * depth * 0.028 + 2.0;
}

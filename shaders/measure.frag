// Relative luminance (WCAG 2.x) of the cells of a picture, for the flash limiter.
uniform sampler2D image;
uniform vec2 cell;          // size of a cell, in shares of the picture
in vec2 v_uv;
out vec4 color;

const int STEPS = 6;        // samples across a cell, each of four pixels by the linear filter

void main() {
    float sum = 0.0;
    for (int y = 0; y < STEPS; y++) {
        for (int x = 0; x < STEPS; x++) {
            vec3 rgb = texture(image, v_uv + (vec2(x, y) + 0.5 - 0.5 * float(STEPS)) / float(STEPS) * cell).rgb;
            vec3 linear = mix(rgb / 12.92, pow((rgb + 0.055) / 1.055, vec3(2.4)), step(0.04045, rgb));
            sum += dot(linear, vec3(0.2126, 0.7152, 0.0722));
        }
    }
    color = vec4(sum / float(STEPS * STEPS));
}

// Means over the cells of a picture, for the flash limiter: linear R, G, B, and R - G - B of saturated reds.
uniform sampler2D image;
uniform vec2 cell;          // size of a cell, in shares of the picture
in vec2 v_uv;
out vec4 color;

const int STEPS = 14;       // samples across a cell, each of four pixels by the linear filter

void main() {
    vec4 sum = vec4(0.0);
    for (int y = 0; y < STEPS; y++) {
        for (int x = 0; x < STEPS; x++) {
            vec3 rgb = texture(image, v_uv + (vec2(x, y) + 0.5 - 0.5 * float(STEPS)) / float(STEPS) * cell).rgb;
            vec3 linear = mix(rgb / 12.92, pow((rgb + 0.055) / 1.055, vec3(2.4)), step(0.04045, rgb));
            float red = linear.r - linear.g - linear.b;
            float total = linear.r + linear.g + linear.b;
            sum += vec4(linear, linear.r >= 0.8 * total ? max(red, 0.0) : 0.0);
        }
    }
    color = sum / float(STEPS * STEPS);
}

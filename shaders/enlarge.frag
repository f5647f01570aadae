// A small picture enlarged so that it covers the target: bicubic (Keys 1981), sharper than bilinear filtering, and held
// between the four nearest pixels, so that no edge gets a bright or dark line beside it and flat areas stay as they are.
uniform sampler2D image;
uniform vec2 scale;         // how much of the image is seen, per axis, <= 1
in vec2 v_uv;
out vec4 color;

const float A = -0.6;       // slope of the kernel at 1; the more negative, the sharper

vec4 weights(float t) {
    vec2 near = vec2(t, 1.0 - t), far = vec2(1.0 + t, 2.0 - t);
    vec2 n = ((A + 2.0) * near - (A + 3.0)) * near * near + 1.0;
    vec2 f = ((A * far - 5.0 * A) * far + 8.0 * A) * far - 4.0 * A;
    return vec4(f.x, n.x, n.y, f.y);
}

void main() {
    ivec2 size = textureSize(image, 0);
    vec2 at = ((v_uv - 0.5) * scale + 0.5) * vec2(size) - 0.5;
    vec2 corner = floor(at);
    vec4 across = weights(at.x - corner.x), along = weights(at.y - corner.y);
    vec3 sum = vec3(0.0), low = vec3(1.0), high = vec3(0.0);
    for (int row = 0; row < 4; row++) {
        int y = clamp(int(corner.y) + row - 1, 0, size.y - 1);
        vec3 line = vec3(0.0);
        for (int column = 0; column < 4; column++) {
            vec3 pixel = texelFetch(image, ivec2(clamp(int(corner.x) + column - 1, 0, size.x - 1), y), 0).rgb;
            line += across[column] * pixel;
            if ((row == 1 || row == 2) && (column == 1 || column == 2)) {
                low = min(low, pixel);
                high = max(high, pixel);
            }
        }
        sum += along[row] * line;
    }
    color = vec4(clamp(sum, low, high), 1.0);
}

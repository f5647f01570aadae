// A picture scaled so that it covers the target.
uniform sampler2D image;
uniform vec2 scale;         // how much of the image is seen, per axis, <= 1
uniform vec2 place;         // of the middle, in shares of the image; 0 is the image's own
in vec2 v_uv;
out vec4 color;

void main() {
    color = vec4(texture(image, (v_uv - 0.5) * scale + 0.5 + place).rgb, 1.0);
}

// A picture scaled so that it covers the target.
uniform sampler2D image;
uniform vec2 scale;         // how much of the image is seen, per axis, <= 1
in vec2 v_uv;
out vec4 color;

void main() {
    color = vec4(texture(image, (v_uv - 0.5) * scale + 0.5).rgb, 1.0);
}

// Two pictures mixed.
uniform sampler2D image;
uniform sampler2D other;
uniform float amount;       // 0 is all image, 1 all other
in vec2 v_uv;
out vec4 color;

void main() {
    color = vec4(mix(texture(image, v_uv).rgb, texture(other, v_uv).rgb, amount), 1.0);
}

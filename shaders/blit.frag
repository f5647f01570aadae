// A picture as it is, or darker: to the window, and into blackout.
uniform sampler2D image;
uniform float brightness;   // 0..1
in vec2 v_uv;
out vec4 color;

void main() {
    color = vec4(texture(image, v_uv).rgb * brightness, 1.0);
}

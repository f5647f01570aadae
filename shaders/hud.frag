// The operator's text, over the window.
uniform sampler2D image;
in vec2 v_uv;
out vec4 color;

void main() {
    color = texture(image, v_uv);
}

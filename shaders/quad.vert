// A picture that fills the target. v_uv: (0, 0) bottom left, (1, 1) top right.
in vec2 in_uv;
out vec2 v_uv;

void main() {
    v_uv = in_uv;
    gl_Position = vec4(in_uv * 2.0 - 1.0, 0.0, 1.0);
}

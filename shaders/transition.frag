// Cross-fade from start_image, which covers the canvas already, to end_image, which is fitted so that it covers it.
uniform sampler2D start_image;
uniform sampler2D end_image;
uniform float progress;     // 0 is all start, 1 is all end
uniform vec2 end_scale;     // how much of the end image is seen, per axis, <= 1; negative turns it over
in vec2 v_uv;
out vec4 color;

void main() {
    vec3 start = texture(start_image, v_uv).rgb;
    vec3 end = texture(end_image, (v_uv - 0.5) * end_scale + 0.5).rgb;
    color = vec4(mix(start, end, progress), 1.0);
}

// The motion of the feedback zoom, worked out on a coarse mesh so that a pixel costs only two look-ups.
uniform float aspect;       // width / height of the canvas
uniform float punch;        // 0..1, how far the picture leaps towards the viewer
uniform float drift;        // 0..1, how far the picture wanders by itself
uniform float zoom;         // factor by which the trail grows in this frame, >= 1
uniform float turn;         // radians by which the trail turns in this frame
uniform float swirl;        // 0..1, how far the trail flows sideways in this frame
uniform vec4 phases;        // radians, four slow clocks
in vec2 in_uv;
out vec2 v_image;           // where in the picture
out vec2 v_trail;           // where in the canvas of the frame before

const float OVERSCAN = 0.965;   // the drift never reaches the picture's edge

void main() {
    vec2 p = (in_uv - 0.5) * vec2(aspect, 1.0);

    vec2 wave = vec2(sin(p.y * 3.1 + phases.x) + sin(p.y * 5.3 - p.x * 2.0 + phases.y),
                     sin(p.x * 2.7 + phases.z) + sin(p.x * 4.6 + p.y * 2.3 + phases.w));
    float near = 1.0 - punch * (0.105 - 0.05 * dot(p, p));
    v_image = (p * near * OVERSCAN + wave * 0.0075 * drift) / vec2(aspect, 1.0) + 0.5;

    float c = cos(turn), s = sin(turn);
    vec2 q = mat2(c, s, -s, c) * p / zoom + wave.yx * swirl * 0.004;
    v_trail = q / vec2(aspect, 1.0) + 0.5;

    gl_Position = vec4(in_uv * 2.0 - 1.0, 0.0, 1.0);
}

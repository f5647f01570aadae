// A part of the canvas on one screen: its corners pinned, turned, its edges soft, a test grid over it.
// The screen's y points down here, as the corners have it.
uniform sampler2D image;
uniform mat3 from_screen;   // shares of the screen to shares of the part, homogeneous
uniform vec2 part;          // left and right end of the part, in shares of the canvas
uniform int quarter_turns;  // clockwise
uniform vec4 edges;         // width of the soft edge left, right, top, bottom; shares of the part
uniform int grid;           // 1 draws it
uniform int corner;         // of the grid that is chosen, 0..3; -1 is none
uniform vec2 lines;         // lines of the grid across and down
in vec2 v_uv;
out vec4 color;

const float GAMMA = 2.2;    // two soft edges add up to the whole light

float ramp(float distance, float width) {
    return width <= 0.0 ? 1.0 : smoothstep(0.0, width, distance);
}

vec2 turned(vec2 p) {
    if (quarter_turns == 1) return vec2(p.y, 1.0 - p.x);
    if (quarter_turns == 2) return 1.0 - p;
    if (quarter_turns == 3) return vec2(1.0 - p.y, p.x);
    return p;
}

float line(vec2 p, vec2 width) {
    vec2 away = abs(fract(p + 0.5) - 0.5) / width;
    return 1.0 - smoothstep(0.5, 1.5, min(away.x, away.y));
}

void main() {
    vec3 h = from_screen * vec3(v_uv.x, 1.0 - v_uv.y, 1.0);
    vec2 p = h.xy / h.z;
    vec2 step = max(fwidth(p), 1e-6);
    vec2 inside = clamp(min(p, 1.0 - p) / step + 0.5, 0.0, 1.0);
    float cover = h.z > 0.0 ? inside.x * inside.y : 0.0;
    vec2 q = turned(clamp(p, 0.0, 1.0));
    vec3 seen = texture(image, vec2(mix(part.x, part.y, q.x), 1.0 - q.y)).rgb;
    float soft = ramp(q.x, edges.x) * ramp(1.0 - q.x, edges.y) * ramp(q.y, edges.z) * ramp(1.0 - q.y, edges.w);
    if (grid == 1) {
        vec3 ground = vec3(0.08, 0.08, 0.1) + 0.1 * vec3(q, 0.0);
        seen = mix(ground, vec3(0.85), line(q * lines, max(fwidth(q * lines), 1e-6)));
        vec2 cells = (q - 0.5) * lines;  // square, so that the ring is round
        float ring = abs(length(cells) - 0.4 * lines.y) / max(fwidth(cells.x), fwidth(cells.y));
        seen = mix(seen, vec3(1.0, 0.8, 0.1), 1.0 - smoothstep(0.5, 1.5, ring));
        vec2 ends[4] = vec2[4](vec2(0.0, 0.0), vec2(1.0, 0.0), vec2(1.0, 1.0), vec2(0.0, 1.0));
        if (corner >= 0 && distance(clamp(p, 0.0, 1.0), ends[corner]) < 0.06) seen = vec3(1.0, 0.1, 0.1);
    }
    color = vec4(seen * cover * pow(soft, 1.0 / GAMMA), 1.0);
}

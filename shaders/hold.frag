// Two pictures mixed cell by cell, for the flash limiter.
uniform sampler2D image;    // shown last
uniform sampler2D other;    // new
uniform sampler2D cells;    // share of the new one, 0 is all image, 1 all other; factor on the new one
in vec2 v_uv;
out vec4 color;

void main() {
    vec2 cell = texture(cells, v_uv).rg;
    color = vec4(mix(texture(image, v_uv).rgb, cell.g * texture(other, v_uv).rgb, cell.r), 1.0);
}

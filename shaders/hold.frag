// Two pictures mixed cell by cell, for the flash limiter.
uniform sampler2D image;    // shown last
uniform sampler2D other;    // new
uniform sampler2D shares;   // of the new one: 0 is all image, 1 all other
in vec2 v_uv;
out vec4 color;

void main() {
    color = vec4(mix(texture(image, v_uv).rgb, texture(other, v_uv).rgb, texture(shares, v_uv).r), 1.0);
}

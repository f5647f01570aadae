// The picture over its own trail: the brighter of the two stays, so the trail can never outshine the picture.
uniform sampler2D image;
uniform sampler2D trail;
uniform vec3 keep;          // 0..1, share of the trail left over from the frame before, per channel
uniform float lift;         // 0..1, brightness added by an onset
uniform float dim;          // 0..1, how far the picture steps back behind its trail
uniform float seed;         // 0..1, another one each frame, for the dither
in vec2 v_image;
in vec2 v_trail;
out vec4 color;

void main() {
    vec3 now = texture(image, v_image).rgb;
    now *= 1.0 - dim;
    now += lift * now * (1.0 - now) * 1.6;      // full black and full white stay what they are
    vec3 past = texture(trail, v_trail).rgb * keep - 0.002;
    float noise = fract(dot(gl_FragCoord.xy, vec2(0.7548777, 0.5698403)) + seed);
    color = vec4(max(now, past) + (noise - 0.5) / 255.0, 1.0);
}

// Two measures at the points of a picture, for the flash limiter: its light, and whether it is another than the last one.
uniform sampler2D image;
uniform sampler2D before;   // the picture shown last
uniform vec2 points;        // size of what is drawn, in pixels
in vec2 v_uv;
layout(location = 0) out vec4 color;    // means of linear R, G, B, and of R - G - B of saturated reds
layout(location = 1) out vec2 change;   // shares of the pixels of another colour, and of another saturated red

const int SIDE = 2;         // samples across a point, and as many down

// A sample is one pixel, as it is: the linear filter would take the mean of coded values, which is too dark where lines
// are thin. Each row and column of samples is shifted by a part of a step, so that no regular pattern falls between them.
vec2 place(vec2 number) {
    return (number + fract(number.yx * 0.618034 + 0.5)) / (float(SIDE) * points);
}

vec3 pixel(sampler2D picture, vec2 at) {
    return texelFetch(picture, ivec2(at * vec2(textureSize(picture, 0))), 0).rgb;
}

vec4 light(vec3 rgb) {
    vec3 linear = mix(rgb / 12.92, pow((rgb + 0.055) / 1.055, vec3(2.4)), step(0.04045, rgb));
    float total = linear.r + linear.g + linear.b;
    return vec4(linear, linear.r >= 0.8 * total ? max(2.0 * linear.r - total, 0.0) : 0.0);
}

void main() {
    vec2 first = floor(v_uv * points) * float(SIDE);
    color = vec4(0.0);
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            color += light(pixel(image, place(first + vec2(x, y))));
        }
    }
    color /= float(SIDE * SIDE);
    vec3 now = pixel(image, place(first)), last = pixel(before, place(first));
    change = vec2(now != last, light(now).a != light(last).a);
}

/*{
    "DESCRIPTION": "The look of sorted pixels: bright spans are drawn out along a line, as far as the bass is loud.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Glitch", "Stylize"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "reach", "TYPE": "float", "DEFAULT": 0.3, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "low": 0.08, "high": 0.8, "attack": 0.03, "release": 0.35}},
        {"NAME": "threshold", "TYPE": "float", "DEFAULT": 0.35, "MIN": 0.0, "MAX": 1.0},
        {"NAME": "vertical", "TYPE": "bool", "DEFAULT": true}
    ]
}*/

const int STEPS = 7;

float luma(vec3 color) { return dot(color, vec3(0.299, 0.587, 0.114)); }

float hash(float n) { return fract(sin(n * 12.9898) * 43758.547); }

void main() {
    vec2 along = vertical ? vec2(0.0, 1.0) : vec2(1.0, 0.0);
    float lane = floor(dot(gl_FragCoord.xy, along.yx) / 3.0);
    float stride = reach * (0.25 + 0.75 * hash(lane)) * 0.42 / float(STEPS);
    vec2 p = isf_FragNormCoord;
    vec3 color = IMG_NORM_PIXEL(inputImage, p).rgb;
    float best = luma(color);
    for (int i = 1; i <= STEPS; i++) {                      // the brightest that can fall down to here
        vec2 q = p + along * stride * float(i);
        if (q.x > 1.0 || q.y > 1.0) break;
        vec3 other = IMG_NORM_PIXEL(inputImage, q).rgb;
        float weight = luma(other) * (1.0 - 0.08 * float(i));
        if (luma(other) < threshold) break;                 // a dark pixel ends the span
        if (weight > best) { best = weight; color = other; }
    }
    gl_FragColor = vec4(color, 1.0);
}

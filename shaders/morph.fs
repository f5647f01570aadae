/*{
    "DESCRIPTION": "One picture flows into the next: each is bent along the other's brightness as they fade.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Transition", "Distortion"],
    "INPUTS": [
        {"NAME": "startImage", "TYPE": "image"},
        {"NAME": "endImage", "TYPE": "image"},
        {"NAME": "progress", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0},
        {"NAME": "strength", "TYPE": "float", "DEFAULT": 0.35, "MIN": 0.0, "MAX": 1.0}
    ]
}*/

const vec3 LUMA = vec3(0.299, 0.587, 0.114);

void main() {
    vec2 p = isf_FragNormCoord;
    vec2 step_x = vec2(0.02, 0.0), step_y = vec2(0.0, 0.03);
    vec2 slope = vec2(
        dot(IMG_NORM_PIXEL(endImage, p + step_x).rgb - IMG_NORM_PIXEL(startImage, p - step_x).rgb, LUMA),
        dot(IMG_NORM_PIXEL(endImage, p + step_y).rgb - IMG_NORM_PIXEL(startImage, p - step_y).rgb, LUMA));
    vec2 bend = slope * strength * 0.2;
    vec3 start = IMG_NORM_PIXEL(startImage, p + bend * progress).rgb;
    vec3 end = IMG_NORM_PIXEL(endImage, p - bend * (1.0 - progress)).rgb;
    gl_FragColor = vec4(mix(start, end, progress), 1.0);
}

/*{
    "DESCRIPTION": "The next picture comes in through the bright parts first, the dark ones last.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Transition", "Wipe"],
    "INPUTS": [
        {"NAME": "startImage", "TYPE": "image"},
        {"NAME": "endImage", "TYPE": "image"},
        {"NAME": "progress", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0},
        {"NAME": "softness", "TYPE": "float", "DEFAULT": 0.5, "MIN": 0.01, "MAX": 1.0}
    ]
}*/

void main() {
    vec3 start = IMG_THIS_PIXEL(startImage).rgb;
    vec3 end = IMG_THIS_PIXEL(endImage).rgb;
    float order = 1.0 - dot(max(start, end), vec3(0.299, 0.587, 0.114));
    float edge = progress * (1.0 + softness) - order;
    gl_FragColor = vec4(mix(start, end, clamp(edge / softness, 0.0, 1.0)), 1.0);
}

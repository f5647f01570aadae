/*{
    "DESCRIPTION": "One picture fades into the next.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Transition"],
    "INPUTS": [
        {"NAME": "startImage", "TYPE": "image"},
        {"NAME": "endImage", "TYPE": "image"},
        {"NAME": "progress", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0}
    ]
}*/

void main() {
    gl_FragColor = vec4(mix(IMG_THIS_PIXEL(startImage).rgb, IMG_THIS_PIXEL(endImage).rgb, progress), 1.0);
}

/*{
    "DESCRIPTION": "Two colours by turns, as a careless shader may flash: what the flash limiter is tested with.",
    "ISFVSN": "2",
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "hertz", "TYPE": "float", "DEFAULT": 2.5, "MIN": 1.0, "MAX": 30.0},
        {"NAME": "on", "TYPE": "color", "DEFAULT": [1.0, 1.0, 1.0, 1.0]},
        {"NAME": "off", "TYPE": "color", "DEFAULT": [0.0, 0.0, 0.0, 0.0]}
    ]
}*/

void main() {
    vec4 light = fract(TIME * hertz) < 0.5 ? on : off;  // its alpha is how much of it covers the picture
    gl_FragColor = vec4(mix(IMG_THIS_PIXEL(inputImage).rgb, light.rgb, light.a), 1.0);
}

/*{
    "DESCRIPTION": "A flash on the beat. What the flash limiter allows of it reaches the screen.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Color Effect"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "amount", "TYPE": "float", "DEFAULT": 0.7, "MIN": 0.0, "MAX": 1.0},
        {"NAME": "flash", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"lfo": "decay", "beats": 1}},
        {"NAME": "light", "TYPE": "color", "DEFAULT": [1.0, 1.0, 1.0, 1.0]},
        {"NAME": "negative", "TYPE": "bool", "DEFAULT": false}
    ]
}*/

void main() {
    vec3 picture = IMG_THIS_PIXEL(inputImage).rgb;
    vec3 lit = negative ? 1.0 - picture : picture + light.rgb * (1.0 - picture);
    gl_FragColor = vec4(mix(picture, lit, flash * amount), 1.0);
}

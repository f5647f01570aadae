/*{
    "DESCRIPTION": "Red and blue fly apart on an onset and come back.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Glitch", "Color Effect"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "amount", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "onset", "low": 0.04, "high": 0.8, "release": 0.12}},
        {"NAME": "angle", "TYPE": "float", "DEFAULT": 0.4, "MIN": 0.0, "MAX": 6.2831853}
    ]
}*/

void main() {
    vec2 p = isf_FragNormCoord;
    vec2 out_of_middle = (p - 0.5) * 0.05 + vec2(cos(angle), sin(angle) * RENDERSIZE.x / RENDERSIZE.y) * 0.012;
    vec2 offset = out_of_middle * amount;
    vec4 middle = IMG_NORM_PIXEL(inputImage, p);
    float red = IMG_NORM_PIXEL(inputImage, p + offset).r;
    float blue = IMG_NORM_PIXEL(inputImage, p - offset).b;
    gl_FragColor = vec4(red, middle.g, blue, middle.a);
}

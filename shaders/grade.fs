/*{
    "DESCRIPTION": "Exposure, contrast, saturation, hue, and a tint for shadows and lights.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Color Adjustment"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "exposure", "TYPE": "float", "DEFAULT": 0.0, "MIN": -2.0, "MAX": 2.0, "LABEL": "stops"},
        {"NAME": "contrast", "TYPE": "float", "DEFAULT": 1.1, "MIN": 0.0, "MAX": 3.0},
        {"NAME": "saturation", "TYPE": "float", "DEFAULT": 1.15, "MIN": 0.0, "MAX": 3.0},
        {"NAME": "hue", "TYPE": "float", "DEFAULT": 0.0, "MIN": -3.1415927, "MAX": 3.1415927},
        {"NAME": "shadows", "TYPE": "color", "DEFAULT": [0.0, 0.0, 0.0, 1.0]},
        {"NAME": "lights", "TYPE": "color", "DEFAULT": [1.0, 1.0, 1.0, 1.0]}
    ]
}*/

void main() {
    vec3 color = IMG_THIS_PIXEL(inputImage).rgb * exp2(exposure);
    float luma = dot(color, vec3(0.299, 0.587, 0.114));
    vec3 chroma = color - luma;
    if (hue != 0.0) {                                       // a turn around the grey axis (Rodrigues)
        vec3 axis = vec3(0.57735);
        chroma = chroma * cos(hue) + cross(axis, chroma) * sin(hue) + axis * dot(axis, chroma) * (1.0 - cos(hue));
    }
    color = luma + chroma * saturation;
    color = (color - 0.42) * contrast + 0.42;
    color = shadows.rgb + max(color, 0.0) * (lights.rgb - shadows.rgb);
    gl_FragColor = vec4(min(color, 1.0), 1.0);
}

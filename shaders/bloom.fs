/*{
    "DESCRIPTION": "Bright parts glow into their surroundings, more on an onset.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Blur", "Glow"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "amount", "TYPE": "float", "DEFAULT": 0.55, "MIN": 0.0, "MAX": 2.0,
         "DRIVE": {"source": "onset", "low": 0.45, "high": 1.0, "release": 0.15}},
        {"NAME": "threshold", "TYPE": "float", "DEFAULT": 0.45, "MIN": 0.0, "MAX": 1.0},
        {"NAME": "radius", "TYPE": "float", "DEFAULT": 1.0, "MIN": 0.2, "MAX": 3.0}
    ],
    "PASSES": [
        {"TARGET": "bright", "WIDTH": "max($WIDTH / 6.0, 8.0)", "HEIGHT": "max($HEIGHT / 6.0, 8.0)"},
        {"TARGET": "wide", "WIDTH": "max($WIDTH / 6.0, 8.0)", "HEIGHT": "max($HEIGHT / 6.0, 8.0)"},
        {"TARGET": "glow", "WIDTH": "max($WIDTH / 6.0, 8.0)", "HEIGHT": "max($HEIGHT / 6.0, 8.0)"},
        {}
    ]
}*/

// Five taps of a Gaussian, two at a time through the linear filter. Few, since a software renderer draws every branch.
vec3 blurred(sampler2D image, vec2 direction) {
    vec2 p = isf_FragNormCoord, d = direction * radius * 1.6 / RENDERSIZE;
    return IMG_NORM_PIXEL(image, p).rgb * 0.32
         + (IMG_NORM_PIXEL(image, p + d).rgb + IMG_NORM_PIXEL(image, p - d).rgb) * 0.34;
}

void main() {
    vec3 color;
    if (PASSINDEX == 0) {
        vec2 d = 1.5 / IMG_SIZE(inputImage);
        color = 0.5 * (IMG_NORM_PIXEL(inputImage, isf_FragNormCoord + d).rgb + IMG_NORM_PIXEL(inputImage, isf_FragNormCoord - d).rgb);
        float peak = max(color.r, max(color.g, color.b));
        color *= smoothstep(threshold, 1.0, peak);
    } else if (PASSINDEX == 1) {
        color = blurred(bright, vec2(1.0, 0.0));
    } else if (PASSINDEX == 2) {
        color = blurred(wide, vec2(0.0, 1.0));
    } else {
        vec3 picture = IMG_THIS_PIXEL(inputImage).rgb;
        vec3 light = IMG_THIS_PIXEL(glow).rgb * amount;
        color = picture + light * (1.0 - picture);          // a screen: white is never passed
    }
    gl_FragColor = vec4(color, 1.0);
}

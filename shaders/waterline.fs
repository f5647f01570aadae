/*{
    "DESCRIPTION": "The picture over dark water that mirrors it. The bass makes the waves.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Distortion"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "shore", "TYPE": "float", "DEFAULT": 0.4, "MIN": 0.1, "MAX": 0.7},
        {"NAME": "waves", "TYPE": "float", "DEFAULT": 0.4, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "low": 0.25, "high": 1.0, "attack": 0.05, "release": 0.6}},
        {"NAME": "water", "TYPE": "color", "DEFAULT": [0.55, 0.7, 0.95, 1.0]},
        {"NAME": "crop", "TYPE": "float", "DEFAULT": 0.1, "MIN": 0.0, "MAX": 0.5, "LABEL": "of the picture, below the shore"},
        {"NAME": "flow", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 628.3185307,
         "DRIVE": {"source": "energy", "low": 0.9, "high": 2.6, "accumulate": true}}
    ]
}*/

void main() {
    vec2 p = isf_FragNormCoord;
    float up = (p.y - shore) / (1.0 - shore);
    if (up >= 0.0) {
        gl_FragColor = vec4(IMG_NORM_PIXEL(inputImage, vec2(p.x, crop + (1.0 - crop) * up)).rgb, 1.0);
    } else {
        float under = (shore - p.y) / shore;                // 0 at the shore, 1 at the viewer's feet
        float far = 1.0 / (0.06 + under);
        float x = (p.x - 0.5) * far;
        float swell = sin(far * 9.0 + flow * 2.0 + sin(x * 1.7 + flow * 0.4)) + 0.7 * sin(far * 17.0 - flow * 2.9 + x * 2.3)
                    + 0.5 * sin(x * 6.1 + far * 5.0 + flow * 1.7);
        float reach = waves * (0.15 + under);
        vec2 q = vec2(p.x + swell * reach * 0.016, crop + (1.0 - crop) * clamp(under * shore / (1.0 - shore) * 1.25 + swell * reach * 0.05, 0.0, 1.0));
        vec3 mirrored = IMG_NORM_PIXEL(inputImage, q).rgb * water.rgb;
        float crest = smoothstep(0.9, 2.1, swell) * waves * (1.0 - 0.5 * under);
        mirrored *= (0.92 - 0.45 * under) * (1.0 + 0.5 * crest);
        float edge = exp(-under * 90.0);
        gl_FragColor = vec4(mirrored * (1.0 - 0.6 * edge), 1.0);
    }
}

/*{
    "DESCRIPTION": "The picture over its own trail, which grows with the bass and leaps on an onset. The brighter of the two stays, so the trail can never outshine the picture.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Feedback"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "zoom", "TYPE": "float", "DEFAULT": 0.5, "MIN": 0.0, "MAX": 1.0, "LABEL": "length and growth of the trail"},
        {"NAME": "pulse", "TYPE": "float", "DEFAULT": 0.6, "MIN": 0.0, "MAX": 1.0, "LABEL": "how hard an onset strikes"},
        {"NAME": "energy", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "energy", "attack": 0.08, "release": 0.5}},
        {"NAME": "bass", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0,
         "DRIVE": {"source": "bass", "gain": 0.5, "attack": 0.02, "release": 0.22}},
        {"NAME": "hit", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0, "DRIVE": "onset"},
        {"NAME": "flow", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 628.3185307,
         "DRIVE": {"source": "energy", "low": 0.17, "high": 0.6, "accumulate": true}}
    ],
    "MESH": [16, 9],
    "PASSES": [{"TARGET": "trail", "PERSISTENT": true}]
}*/

varying vec2 place;         // where in the picture
varying vec2 before;        // where in the trail
flat varying vec3 keep;     // share of the trail left over from the frame before, per channel
flat varying vec3 rest;     // share of the picture; strength of the onset; phase of the dither

void main() {
    vec3 now = IMG_NORM_PIXEL(inputImage, place).rgb;
    now *= rest.x;                                          // the picture steps back behind its trail
    now += rest.y * now * (1.0 - now);                      // full black and full white stay what they are
    vec3 past = IMG_NORM_PIXEL(trail, before).rgb * keep - 0.002;
    float noise = fract(dot(gl_FragCoord.xy, vec2(0.7548777, 0.5698403)) + rest.z);
    gl_FragColor = vec4(max(now, past) + (noise - 0.5) / 255.0, 1.0);
}

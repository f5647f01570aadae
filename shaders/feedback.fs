/*{
    "DESCRIPTION": "The picture over its own trail, which grows with the bass and leaps on an onset. The trail is light alone: it lifts the picture to its own brightness and keeps the purer of the two colours, so it turns nothing grey and never outshines the picture.",
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
flat varying vec4 rest;     // share of the picture; strength of the onset; phase of the dither; share of the trail kept

const vec3 LUMA = vec3(0.299, 0.587, 0.114);

void main() {
    vec3 now = IMG_NORM_PIXEL(inputImage, place).rgb;
    now *= rest.x;                                          // the picture steps back behind its trail
    now += rest.y * now * (1.0 - now);                      // full black and full white stay what they are
    vec3 past = max(IMG_NORM_PIXEL(trail, before).rgb * rest.w - 0.002, 0.0);

    float light = dot(now, LUMA), kept = dot(past, LUMA);
    vec2 most = vec2(max(now.r, max(now.g, now.b)), max(past.r, max(past.g, past.b)));
    vec2 least = vec2(min(now.r, min(now.g, now.b)), min(past.r, min(past.g, past.b)));
    vec2 purity = (most - least) / (most + vec2(0.06, 0.002));   // saturation; the darkest of the picture has none to give
    float own = clamp((purity.x - purity.y) * 4.0, 0.0, 1.0);
    vec3 tint = mix(past / max(kept, 0.004), now / max(light, 0.004), own);     // a colour of luma 1
    vec3 lit = now + max(kept - light, 0.0) * tint;

    float noise = fract(dot(gl_FragCoord.xy, vec2(0.7548777, 0.5698403)) + rest.z);
    gl_FragColor = vec4(lit + (noise - 0.5) / 255.0, 1.0);
}

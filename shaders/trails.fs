/*{
    "DESCRIPTION": "What moves leaves light behind.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Feedback"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "seconds", "TYPE": "float", "DEFAULT": 0.5, "MIN": 0.02, "MAX": 4.0},
        {"NAME": "lighten", "TYPE": "float", "DEFAULT": 0.7, "MIN": 0.0, "MAX": 1.0, "LABEL": "0 smears, 1 keeps the light"}
    ],
    "PASSES": [{"TARGET": "past", "PERSISTENT": true}]
}*/

void main() {
    vec3 now = IMG_THIS_PIXEL(inputImage).rgb;
    vec3 old = IMG_THIS_PIXEL(past).rgb;
    float keep = exp(-TIMEDELTA / seconds);
    vec3 light = max(now, old * keep - 0.003);
    vec3 smear = mix(now, old, keep);
    float noise = fract(dot(gl_FragCoord.xy, vec2(0.7548777, 0.5698403)) + mod(float(FRAMEINDEX), 64.0) * 0.618034);
    gl_FragColor = vec4(mix(smear, light, lighten) + (noise - 0.5) / 255.0, 1.0);
}

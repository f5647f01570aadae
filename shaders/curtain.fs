/*{
    "DESCRIPTION": "One line of the picture, drawn anew at the top and falling: a curtain of what was, as bright as the sound was in each of its threads.",
    "CREDIT": "livemusviz",
    "ISFVSN": "2",
    "CATEGORIES": ["Feedback", "Audio Visualizer"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "spectrum", "TYPE": "audioFFT", "MAX": 256},
        {"NAME": "speed", "TYPE": "float", "DEFAULT": 0.35, "MIN": 0.02, "MAX": 2.0, "LABEL": "heights a second",
         "DRIVE": {"source": "energy", "low": 0.12, "high": 0.6, "attack": 0.1, "release": 0.4}},
        {"NAME": "threads", "TYPE": "float", "DEFAULT": 110.0, "MIN": 8.0, "MAX": 400.0},
        {"NAME": "line", "TYPE": "float", "DEFAULT": 0.5, "MIN": 0.05, "MAX": 0.95},
        {"NAME": "heard", "TYPE": "float", "DEFAULT": 0.7, "MIN": 0.0, "MAX": 1.0, "LABEL": "how much of the light is the sound's"},
        {"NAME": "gain", "TYPE": "float", "DEFAULT": 1.3, "MIN": 0.5, "MAX": 3.0},
        {"NAME": "hit", "TYPE": "float", "DEFAULT": 0.0, "MIN": 0.0, "MAX": 1.0, "DRIVE": {"source": "onset", "release": 0.12}}
    ],
    "PASSES": [
        {"TARGET": "clock", "WIDTH": "1", "HEIGHT": "1", "PERSISTENT": true, "FLOAT": true},
        {"TARGET": "fallen", "PERSISTENT": true},
        {}
    ]
}*/

float hash(float n) { return fract(sin(n * 12.9898) * 43758.547); }

void main() {
    vec2 p = isf_FragNormCoord;
    if (PASSINDEX == 0) {                                   // whole pixels to fall by now, and what is left over
        float fall = fract(IMG_NORM_PIXEL(clock, vec2(0.5)).r) + speed * min(TIMEDELTA, 0.1) * IMG_SIZE(fallen).y;
        gl_FragColor = vec4(fract(fall), floor(fall), 0.0, 1.0);
    } else if (PASSINDEX == 1) {
        float rows = IMG_NORM_PIXEL(clock, vec2(0.5)).g / RENDERSIZE.y;
        float above = p.y + rows;
        if (above < 1.0 && FRAMEINDEX > 0) {
            gl_FragColor = IMG_NORM_PIXEL(fallen, vec2(p.x, above));    // a texel's own middle: nothing blurs
        } else {
            float number = floor(p.x * threads), middle = (number + 0.5) / threads;
            float own = hash(number), across = abs(fract(p.x * threads) - 0.5) * 2.0;
            vec3 thread = IMG_NORM_PIXEL(inputImage, vec2(middle, fract(line + 0.6 * own))).rgb;
            float side = abs(2.0 * middle - 1.0);           // bass in the middle, treble at both sides
            float sound = IMG_NORM_PIXEL(spectrum, vec2(0.004 + 0.7 * side * side, 0.5)).r;
            float light = mix(1.0, 0.10 + 1.7 * sound * sound + 0.6 * hit * sound, heard) * gain;
            thread *= light * (0.45 + 0.55 * own) * smoothstep(1.0, 0.5, across);
            gl_FragColor = vec4(thread / (1.0 + max(max(thread.r, max(thread.g, thread.b)) - 1.0, 0.0)), 1.0);
        }
    } else {
        vec3 color = IMG_THIS_PIXEL(fallen).rgb;
        gl_FragColor = vec4(color * (0.25 + 0.75 * smoothstep(0.0, 0.45, p.y)), 1.0);
    }
}

// projectM's show of a track, in virtual time, for benchmarks/dance.py --projectm.
//
//   apt-get install g++ libprojectm-dev projectm-data libegl-dev libgl-dev
//   g++ -O2 -rdynamic benchmarks/projectm.cpp -o projectm -lprojectM -lEGL -lGL
//   ./projectm PRESET.milk WIDTH HEIGHT < SAMPLES > PICTURES
//
// SAMPLES: float32 stereo, interleaved, 48 kHz. PICTURES: rgb24, bottom row first, 60 a second. The library reads the
// clock through the functions defined here, so a picture is 1/60 s after the last one however long it takes to draw.

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GL/gl.h>
#include <libprojectM/projectM.hpp>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

namespace {
constexpr int kFrames = 60, kRate = 48000, kBlock = kRate / kFrames;
constexpr double kEpoch = 1.7e9;
double now = kEpoch;  // s

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "projectm: %s\n", what);
  std::exit(1);
}

void open_context(int width, int height) {
  auto get_display = reinterpret_cast<PFNEGLGETPLATFORMDISPLAYEXTPROC>(eglGetProcAddress("eglGetPlatformDisplayEXT"));
  EGLDisplay display = get_display(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, nullptr);
  if (!eglInitialize(display, nullptr, nullptr)) fail("no EGL display");
  eglBindAPI(EGL_OPENGL_API);
  const EGLint wanted[] = {EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_RED_SIZE, 8,
                           EGL_GREEN_SIZE, 8, EGL_BLUE_SIZE, 8, EGL_DEPTH_SIZE, 24, EGL_NONE};
  EGLConfig config;
  EGLint count = 0;
  if (!eglChooseConfig(display, wanted, &config, 1, &count) || count == 0) fail("no EGL configuration");
  const EGLint size[] = {EGL_WIDTH, width, EGL_HEIGHT, height, EGL_NONE};
  const EGLint version[] = {EGL_CONTEXT_MAJOR_VERSION, 3, EGL_CONTEXT_MINOR_VERSION, 3, EGL_NONE};
  EGLSurface surface = eglCreatePbufferSurface(display, config, size);
  EGLContext context = eglCreateContext(display, config, EGL_NO_CONTEXT, version);
  if (!eglMakeCurrent(display, surface, surface, context)) fail("no OpenGL 3.3");
}
}  // namespace

extern "C" int gettimeofday(struct timeval* to, void*) noexcept {
  to->tv_sec = static_cast<time_t>(now);
  to->tv_usec = static_cast<suseconds_t>(1e6 * (now - static_cast<double>(to->tv_sec)));
  return 0;
}

extern "C" time_t time(time_t* to) noexcept {
  if (to != nullptr) *to = static_cast<time_t>(now);
  return static_cast<time_t>(now);
}

namespace std::chrono {
inline namespace _V2 {
system_clock::time_point system_clock::now() noexcept {
  return time_point(duration_cast<duration>(std::chrono::duration<double>(::now)));
}
}  // namespace _V2
}  // namespace std::chrono

int main(int argc, char** argv) {
  if (argc != 4) fail("PRESET.milk WIDTH HEIGHT");
  const int width = std::atoi(argv[2]), height = std::atoi(argv[3]);
  FILE* const out = fdopen(dup(STDOUT_FILENO), "wb");  // the library prints on stdout
  dup2(STDERR_FILENO, STDOUT_FILENO);
  open_context(width, height);
  projectM::Settings settings;
  settings.fps = kFrames;
  settings.meshX = 48, settings.meshY = 36, settings.textureSize = 512;
  settings.windowWidth = width, settings.windowHeight = height;
  settings.datadir = "/usr/share/projectM";
  settings.presetDuration = 100000, settings.smoothPresetDuration = 0, settings.shuffleEnabled = false;
  projectM show(settings, projectM::FLAG_DISABLE_PLAYLIST_LOAD);
  show.projectM_resetGL(width, height);
  show.addPresetURL(argv[1], argv[1], RatingList{3, 3});
  show.selectPreset(0, true);
  show.setPresetLock(true);
  std::vector<float> samples(2 * kBlock);
  std::vector<unsigned char> pixels(3 * static_cast<size_t>(width) * height);
  glPixelStorei(GL_PACK_ALIGNMENT, 1);
  while (std::fread(samples.data(), sizeof(float), samples.size(), stdin) == samples.size()) {
    show.pcm()->addPCMfloat_2ch(samples.data(), kBlock);
    show.renderFrame();
    glReadPixels(0, 0, width, height, GL_RGB, GL_UNSIGNED_BYTE, pixels.data());
    std::fwrite(pixels.data(), 1, pixels.size(), out);
    now += 1.0 / kFrames;
  }
  return std::fclose(out);
}

// A small CLAP host: it plays raw samples through a plug-in in blocks, offline or at the clock's pace.
//
//   claphost LIBRARY ID RATE BLOCK|random offline|live IN OUT EVENTS LOAD SAVE
//
// IN and OUT hold float32, channel by channel. EVENTS has lines "POSITION value NUMBER VALUE", "POSITION midi A B C"
// and "POSITION reset". LOAD and SAVE are files of the plug-in's state; "-" is none. It writes figures as JSON. Live it
// ends as soon as there is a file OUT.end.
#include "clap/entry.h"
#include "clap/events.h"
#include "clap/ext/audio-ports.h"
#include "clap/ext/latency.h"
#include "clap/ext/params.h"
#include "clap/ext/state.h"
#include "clap/plugin-factory.h"
#include "clap/plugin.h"
#include "clap/process.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using Clock = std::chrono::steady_clock;

struct Event {
  uint64_t position;
  bool midi;
  uint32_t number;
  double value;
  uint8_t bytes[3];
};
struct Render {
  bool (*hard)(const clap_plugin_t*);
  bool (*set)(const clap_plugin_t*, int32_t);
};
struct Tail {
  uint32_t (*get)(const clap_plugin_t*);
};
union Any {
  clap_event_header_t header;
  clap_event_param_value_t value;
  clap_event_midi_t midi;
};

static std::vector<Any> given;
static std::map<uint32_t, double> told;  // values that the plug-in has set
static std::map<uint32_t, std::pair<int, int>> gestures;  // begun and ended
static int restarts = 0;

static uint32_t count(const clap_input_events_t*) { return given.size(); }
static const clap_event_header_t* get(const clap_input_events_t*, uint32_t i) { return &given[i].header; }
static bool push(const clap_output_events_t*, const clap_event_header_t* event) {
  if (event->type == CLAP_EVENT_PARAM_VALUE) {
    const auto* value = reinterpret_cast<const clap_event_param_value_t*>(event);
    told[value->param_id] = value->value;
  } else if (event->type == CLAP_EVENT_PARAM_GESTURE_BEGIN || event->type == CLAP_EVENT_PARAM_GESTURE_END) {
    auto& of = gestures[reinterpret_cast<const clap_event_param_gesture_t*>(event)->param_id];
    (event->type == CLAP_EVENT_PARAM_GESTURE_BEGIN ? of.first : of.second)++;
  }
  return true;
}
static int64_t write_state(const clap_ostream_t* stream, const void* data, uint64_t size) {
  static_cast<std::ostream*>(stream->ctx)->write(static_cast<const char*>(data), size);
  return size;
}
static int64_t read_state(const clap_istream_t* stream, void* data, uint64_t size) {
  auto* file = static_cast<std::istream*>(stream->ctx);
  file->read(static_cast<char*>(data), size);
  return file->gcount();
}
static const void* extension(const clap_host_t*, const char*) { return nullptr; }
static void restart(const clap_host_t*) { restarts++; }
static void nothing(const clap_host_t*) {}

static std::vector<float> read_floats(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  std::vector<float> x(bytes.size() / 4);
  std::memcpy(x.data(), bytes.data(), 4 * x.size());
  return x;
}

int main(int, char** words) {
  const std::string library = words[1], id = words[2], block = words[4];
  const double rate = std::atof(words[3]);
  const bool live = std::string(words[5]) == "live";
  void* handle = dlopen(library.c_str(), RTLD_NOW);
  if (!handle) return std::fprintf(stderr, "%s\n", dlerror()), 2;
  const auto* entry = static_cast<const clap_plugin_entry_t*>(dlsym(handle, "clap_entry"));
  entry->init(library.c_str());
  const auto* factory = static_cast<const clap_plugin_factory_t*>(entry->get_factory(CLAP_PLUGIN_FACTORY_ID));
  static const clap_host_t host = {CLAP_VERSION, nullptr, "claphost", "", "", "1", extension, restart, nothing, nothing};
  const clap_plugin_t* plugin = factory->create_plugin(factory, &host, id.c_str());
  if (!plugin || !plugin->init(plugin)) return 3;
  const auto* ports = static_cast<const clap_plugin_audio_ports_t*>(plugin->get_extension(plugin, CLAP_EXT_AUDIO_PORTS));
  const auto* latency = static_cast<const clap_plugin_latency_t*>(plugin->get_extension(plugin, CLAP_EXT_LATENCY));
  const auto* state = static_cast<const clap_plugin_state_t*>(plugin->get_extension(plugin, CLAP_EXT_STATE));
  const auto* params = static_cast<const clap_plugin_params_t*>(plugin->get_extension(plugin, CLAP_EXT_PARAMS));
  const auto* render = static_cast<const Render*>(plugin->get_extension(plugin, "clap.render"));
  const auto* tail = static_cast<const Tail*>(plugin->get_extension(plugin, "clap.tail"));
  clap_audio_port_info_t port{};
  ports->get(plugin, 0, true, &port);
  const uint32_t channels = port.channel_count;
  if (std::strcmp(words[9], "-")) {
    std::ifstream file(words[9], std::ios::binary);
    const clap_istream_t stream = {&file, read_state};
    if (!state->load(plugin, &stream)) return 4;
  }
  std::vector<Event> events;
  std::vector<uint64_t> resets;
  std::ifstream list(words[8]);
  for (std::string line, kind; std::getline(list, line);) {
    std::istringstream row(line);
    Event event{};
    row >> event.position >> kind;
    unsigned bytes[3] = {0, 0, 0};
    if (kind == "reset") {
      resets.push_back(event.position);
      continue;
    }
    event.midi = kind == "midi";
    if (event.midi) row >> bytes[0] >> bytes[1] >> bytes[2];
    else row >> event.number >> event.value;
    std::copy(bytes, bytes + 3, event.bytes);
    events.push_back(event);
  }
  const std::vector<float> source = read_floats(words[6]);
  const uint64_t frames = source.size() / channels;
  std::vector<float> sung(source.size());
  const uint32_t largest = block == "random" ? 8192 : std::atoi(block.c_str());
  if (render) render->set(plugin, live ? 0 : 1);
  plugin->activate(plugin, rate, 1, largest);
  plugin->start_processing(plugin);
  std::mt19937 dice(1);
  std::vector<double> times;
  size_t next = 0, reset = 0;
  const auto began = Clock::now();
  for (uint64_t done = 0; done < frames;) {
    uint64_t n = std::min<uint64_t>(frames - done, block == "random" ? 1 + dice() % largest : largest);
    if (reset < resets.size() && resets[reset] == done) plugin->reset(plugin), reset++;
    if (reset < resets.size()) n = std::min(n, resets[reset] - done);
    if (live && std::ifstream(std::string(words[7]) + ".end")) break;
    if (live) std::this_thread::sleep_until(began + std::chrono::duration<double>((done + n) / rate));
    given.clear();
    for (; next < events.size() && events[next].position < done + n; next++) {
      const Event& event = events[next];
      Any any{};
      const auto time = static_cast<uint32_t>(event.position - done);
      if (event.midi) {
        any.midi.header = {sizeof any.midi, time, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI, 0};
        std::copy(event.bytes, event.bytes + 3, any.midi.data);
      } else {
        any.value.header = {sizeof any.value, time, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
        any.value.param_id = event.number, any.value.value = event.value;
        any.value.note_id = -1, any.value.port_index = -1, any.value.channel = -1, any.value.key = -1;
      }
      given.push_back(any);
    }
    std::vector<float*> in(channels), out(channels);
    for (uint32_t c = 0; c < channels; c++) {
      in[c] = const_cast<float*>(&source[c * frames + done]);
      out[c] = &sung[c * frames + done];
    }
    clap_audio_buffer_t inputs{}, outputs{};
    inputs.data32 = in.data(), inputs.channel_count = channels;
    outputs.data32 = out.data(), outputs.channel_count = channels;
    const clap_input_events_t in_events = {nullptr, count, get};
    const clap_output_events_t out_events = {nullptr, push};
    clap_process_t process{};
    process.steady_time = done, process.frames_count = n;
    process.audio_inputs = &inputs, process.audio_outputs = &outputs;
    process.audio_inputs_count = process.audio_outputs_count = 1;
    process.in_events = &in_events, process.out_events = &out_events;
    const auto start = Clock::now();
    plugin->process(plugin, &process);
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    done += n;
  }
  const uint32_t samples = latency->get(plugin), rest = tail ? tail->get(plugin) : 0;
  std::ofstream(words[7], std::ios::binary).write(reinterpret_cast<const char*>(sung.data()), 4 * sung.size());
  if (std::strcmp(words[10], "-")) {
    std::ofstream file(words[10], std::ios::binary);
    const clap_ostream_t stream = {&file, write_state};
    if (!state->save(plugin, &stream)) return 5;
  }
  std::sort(times.begin(), times.end());
  std::printf("{\"latency\": %u, \"tail\": %u, \"blocks\": %zu, \"restarts\": %d, \"median_us\": %.1f, ", samples, rest,
              times.size(), restarts, times[times.size() / 2]);
  std::printf("\"p999_us\": %.1f, \"worst_us\": %.1f, \"values\": {", times[(times.size() - 1) * 999 / 1000], times.back());
  for (uint32_t i = 0; i < params->count(plugin); i++) {
    clap_param_info_t info{};
    double value = 0.0;
    char text[256] = "";
    params->get_info(plugin, i, &info);
    params->get_value(plugin, info.id, &value);
    params->value_to_text(plugin, info.id, value, text, sizeof text);
    std::printf("%s\"%u\": [\"%s\", %.9g, \"%s\", %u]", i ? ", " : "", info.id, info.name, value, text, info.flags);
  }
  std::printf("}, \"told\": {");
  for (const auto& [number, value] : told) {
    const auto [begun, ended] = gestures[number];
    std::printf("%s\"%u\": [%.9g, %d, %d]", number == told.begin()->first ? "" : ", ", number, value, begun, ended);
  }
  std::puts("}}");
  plugin->stop_processing(plugin);
  plugin->deactivate(plugin);
  plugin->destroy(plugin);
  entry->deinit();
  return 0;
}

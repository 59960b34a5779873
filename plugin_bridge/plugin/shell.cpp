// The plug-in: it carries audio, automation and state between a host and the engine, which is another process, and
// the moves of its panel, which is a third one, to the host.
//
// The audio thread only copies samples into and out of the segment's rings. What the engine has not made in time is
// faded out, and the latency never changes. Where the host waits (an export), the output is the engine's to the bit.
#include "DistrhoPlugin.hpp"
#include "bridge.h"
#include "platform.h"
#include "table.h"
#include <cmath>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

// Set by the patched wrappers of DPF around `run` and `setParameterValue`.
thread_local int bridge_process_mode = 0;        // 2 where the host says that it is offline
thread_local int32_t bridge_event_frame = -1;    // sample of the block at which a value acts; -1 for none
// Set here around `requestParameterValueChange`, for them: 1 begins a gesture, -1 ends it, 0 moves the value.
thread_local int bridge_gesture = 0;
uint32_t bridge_tail(double rate) { return bridge::kTailHops * static_cast<uint32_t>(rate) / bridge::kHopsPerSecond; }

namespace {

using namespace bridge;

constexpr uint32_t kFade = 128;           // samples over which the voice comes and goes where the engine is late
constexpr uint32_t kPoints = 4096;        // moves within a block; of more, the last of each parameter counts
constexpr uint32_t kSpareHops = 2;        // hops of latency besides the host's block: one to fill, one to work in
constexpr uint32_t kLongestBlock = 4096;  // a host may name any; live, nobody plays with more
constexpr int64_t kJitter = 16;           // samples by which hosts that count in beats may be off
constexpr double kPatience = 10.0;        // seconds an export waits for an engine that shows no sign of life
constexpr double kTick = 0.05;
constexpr double kGesture = 0.5;  // seconds after the last move of a hand
#if defined(DISTRHO_PLUGIN_TARGET_LV2)
constexpr char kFormat[] = "LV2";
constexpr bool kMayRefuse = true;  // moving parameters is an extension, which most hosts do without
constexpr uint32_t kButton = kParameterIsTrigger;
#else  // in VST3 a host cannot set a trigger of DPF's
#if defined(DISTRHO_PLUGIN_TARGET_VST3)
constexpr char kFormat[] = "VST3";
#else
constexpr char kFormat[] = "CLAP";
#endif
constexpr bool kMayRefuse = false;
constexpr uint32_t kButton = kParameterIsBoolean | kParameterIsInteger;
#endif
constexpr double kDelays[] = {0.0, 2.0, 4.0, 8.0};  // seconds between starts of an engine that does not come

static_assert(kCount <= kMaxRows, "the segment's values");

std::map<std::string, std::string> read_conf() {  // what the installation wrote beside this library
  std::map<std::string, std::string> found;
  const std::string path = own_path();
  std::ifstream file(path.substr(0, path.find_last_of("/\\") + 1) + kConf);
  for (std::string line; std::getline(file, line);) {
    const size_t at = line.find('=');
    if (at != std::string::npos) found[line.substr(0, at)] = line.substr(at + 1);
  }
  return found;
}

uint32_t hop_of(double rate) { return std::max(1u, static_cast<uint32_t>(rate) / kHopsPerSecond); }

uint32_t delay_of(double rate, uint32_t block) {
  const uint32_t hop = hop_of(rate);
  return hop * (kSpareHops + (std::min(block, kLongestBlock) + hop - 1) / hop);
}

bool is_free(File& file) {
  const bool free = file.lock();
  if (free) file.unlock();
  return free;
}

bool is_free(const std::string& path) {  // a file that is not there is, too
  File file;
  return !file.open(path, false) || file.lock();
}

bool fits(const Row& row, float value) { return value >= row.low && value <= row.high; }  // NaN does not

void copy_text(char* to, size_t size, const std::string& from) {
  std::memset(to, 0, size);
  std::memcpy(to, from.data(), std::min(size - 1, from.size()));
}

}  // namespace

START_NAMESPACE_DISTRHO

class Shell : public Plugin {
 public:
  Shell() : Plugin(kCount, kPrograms, 2), conf_(read_conf()) {
    for (uint32_t i = 0; i < kCount; i++) values_[i] = kRows[i].standard, moved_[i] = false;
    for (uint32_t i = 0; i < kSlots; i++) copy_text(singers_[i].id, sizeof singers_[i].id, kSingers[i]);
    update_latency();
  }

  ~Shell() override {
    ending_ = true;
    if (supervisor_.joinable()) supervisor_.join();
    if (segment_) {
      segment_->magic.store(0);
      bell_.ring(segment_->bell_in, segment_->port_in);
      remove_file(path_ + kSegmentSuffix);
      remove_file(path_ + kHostSuffix);
      remove_file(path_ + kPanelSuffix);
    }
  }

 protected:
  const char* getLabel() const override { return "plugin_bridge"; }
  const char* getMaker() const override { return "plugin_bridge"; }
  const char* getLicense() const override { return "GPL-3.0-or-later"; }
  const char* getDescription() const override { return "Sings a voice as another singer."; }
  uint32_t getVersion() const override { return d_version(kMajor, kMinor, kMicro); }
  int64_t getUniqueId() const override { return d_cconst('p', 'l', 'B', '0' + PLUGIN_BRIDGE_CHANNELS); }

  void initParameter(uint32_t index, Parameter& parameter) override {
    const Row& row = kRows[index];
    if (index == kBypass) {
      parameter.initDesignation(kParameterDesignationBypass);
      return;
    }
    parameter.hints = row.output ? kParameterIsOutput : kParameterIsAutomatable;
    if (row.step) parameter.hints |= kParameterIsInteger;
    if (row.toggles) parameter.hints |= kParameterIsBoolean;
    if (index == kPanel) parameter.hints |= kButton;  // automatable, for Ardour does not show others in VST3
    parameter.name = row.name;
    parameter.symbol = row.id;
    parameter.unit = row.unit;
    parameter.description = row.description;
    parameter.ranges.def = row.standard;
    parameter.ranges.min = row.low;
    parameter.ranges.max = row.high;
    if (row.words == nullptr) return;
    auto* words = new ParameterEnumerationValue[row.count];
    for (uint32_t i = 0; i < row.count; i++) words[i].value = row.low + i, words[i].label = row.words[i];
    parameter.enumValues.values = words;
    parameter.enumValues.count = row.count;
    parameter.enumValues.restrictedMode = true;
  }

  float getParameterValue(uint32_t index) const override {
    if (index == kStatus) return static_cast<float>(status_.load());
    if (index == kLate) return static_cast<float>(std::min<uint64_t>(late_.load(), 1000000000u));
    return values_[index].load();
  }

  void setParameterValue(uint32_t index, float value) override {
    const Row& row = kRows[index];
    if (row.output || !fits(row, value)) return;
    const float before = values_[index].exchange(value);
    if (index == kPanel) {
      if (before < 0.5f && value >= 0.5f && played_ && !waits()) pressed_++;  // not where a project is opened or exported
      return;
    }
    if (index == kAuto && before < 0.5f && value >= 0.5f) kept_ = 0.f;  // asked again: it listens again
    if (bridge_event_frame >= 0 && count_ < kPoints)
      points_[count_++] = {static_cast<uint32_t>(bridge_event_frame), index, value};
    else
      moved_[index] = true;
  }

  void initProgramName(uint32_t index, String& name) override { name = kSingers[index]; }
  void loadProgram(uint32_t index) override { setParameterValue(kSinger, static_cast<float>(index)); }

  void initState(uint32_t index, State& state) override {
    state.key = index ? "source_pitch" : "singers";
    state.label = index ? "Pitch of the source" : "Singers";
    state.hints = kStateIsOnlyForDSP;
    state.defaultValue = getState(state.key);
  }

  String getState(const char* key) const override {
    std::ostringstream text;
    text.imbue(std::locale::classic());
    if (std::strcmp(key, "source_pitch") == 0) {
      text << (kept_ > 0.f || !segment_ ? kept_.load() : segment_->found.load());
      return String(text.str().c_str());
    }
    const std::lock_guard<std::mutex> guard(mutex_);
    for (uint32_t i = 0; i < kSlots; i++) {
      if (!singers_[i].id[0]) continue;
      const bool loaded = segment_ && std::strcmp(segment_->sung[i].id, singers_[i].id) == 0;
      const bool held = singers_[i].hash[0] != 0;  // a project keeps the file it was made with
      text << i << ' ' << singers_[i].id << ' ' << (held || !loaded ? singers_[i].hash : segment_->sung[i].hash) << ';';
    }
    return String(text.str().c_str());
  }

  void setState(const char* key, const char* value) override {
    std::istringstream text(value);
    text.imbue(std::locale::classic());
    if (std::strcmp(key, "source_pitch") == 0) {
      float pitch = 0.f;
      text >> pitch;
      kept_ = std::isfinite(pitch) && pitch > 0.f ? pitch : 0.f;
    } else {
      const std::lock_guard<std::mutex> guard(mutex_);
      for (std::string one; std::getline(text, one, ';');) {
        std::istringstream words(one);
        std::string id, hash;
        uint32_t number = kSlots;
        words >> number >> id >> hash;
        if (number >= kSlots || id.empty()) continue;
        copy_text(singers_[number].id, sizeof singers_[number].id, id);
        copy_text(singers_[number].hash, sizeof singers_[number].hash, hash);
      }
    }
    again_ = true;
  }

  void sampleRateChanged(double) override { update_latency(); }
  void bufferSizeChanged(uint32_t) override { update_latency(); }

  void activate() override {
    update_latency();
    if (!segment_) make_segment();
    if (segment_) begin(false, position_);
    plays_ = false;
    if (segment_ && !supervisor_.joinable()) supervisor_ = std::thread([this] { supervise(); });
  }

  void deactivate() override { keep_pitch(); }

#if DISTRHO_PLUGIN_WANT_MIDI_INPUT
  void run(const float** in, float** out, uint32_t frames, const MidiEvent* events, uint32_t count) override {
    if (segment_) follow_host(frames), hand_on();
    for (uint32_t i = 0; segment_ && i < count; i++) {
      if (events[i].size > 3) continue;  // exclusive messages mean nothing here
      const bool two = (events[i].data[0] & 0xE0) == 0xC0;  // CLAP hands on three bytes of these, too
      send({position_ + events[i].frame, kMidi, two ? 2 : events[i].size, 0.f, {}, 0}, events[i].data);
    }
    process(in, out, frames);
  }
#else
  void run(const float** in, float** out, uint32_t frames) override {
    if (segment_) follow_host(frames), hand_on();
    process(in, out, frames);
  }
#endif

 private:
  // The latency is one for a block size and a rate: it holds the host's block, a hop that fills and one to work in.
  void update_latency() {
    hop_ = hop_of(getSampleRate());
    delay_ = delay_of(getSampleRate(), getBufferSize());
    setLatency(latency());
  }

  uint32_t latency() const { return delay_ + kLatencyHops * hop_; }

  void make_segment() {
    static std::atomic<uint32_t> serial{0};
    const auto run = conf_.find("run");
    if (run == conf_.end() || !make_private(run->second)) {
      status_ = kNoEngine;
      return;
    }
    bool held = false;
    for (int tries = 0; tries < 100 && !held; tries++) {  // process numbers come again
      path_ = run->second + "/" + std::to_string(process_number()) + "-" + std::to_string(serial++);
      held = host_.open(path_ + kHostSuffix, true) && host_.lock();
    }
    if (!held || !file_.open(path_ + kSegmentSuffix, true)) return;
    segment_ = file_.map(true);
    if (!segment_) return;
    segment_->version = kVersion;
    copy_text(segment_->format, sizeof segment_->format, kFormat);
    segment_->takes_moves = !kMayRefuse || canRequestParameterValueChanges();
    show_values();
    copy_text(segment_->map, sizeof segment_->map, conf_["map"]);
    bell_.listen(segment_->port_out);
    segment_->magic.store(kMagic);
  }

  // Where the transport starts, is moved or loops, the engine begins anew: nothing of before is heard in what comes
  // then, and every export begins alike, even in hosts that never deactivate a plug-in.
  void follow_host(uint32_t frames) {
    const TimePosition& time = getTimePosition();
    const int64_t off = static_cast<int64_t>(time.frame) - static_cast<int64_t>(expected_);
    const bool plays = time.playing && static_cast<int64_t>(time.frame) >= 0;
    const bool moved = plays && (!plays_ || off > kJitter || off < -kJitter);
    const bool starts = moved && !plays_;
    if (again_.exchange(false) || (moved && position_ != base_))
      begin(plays_, starts && plays_ahead() ? position_ - latency() : position_);
    plays_ = plays;
    expected_ = time.frame + frames;
  }

  // Whether an export's sound has begun ahead of its transport, by the latency and out of silence, so that it comes out
  // when the transport starts. Ardour does that; in VST3 its transport then comes from below 0.
  bool plays_ahead() const {
    const uint64_t start = position_ - latency();
    if (!waits() || start < base_ + hop_) return false;
    for (uint32_t c = 0; c < PLUGIN_BRIDGE_CHANNELS; c++)
      for (uint64_t at = start - hop_; at < start; at++)
        if (segment_->in[c][at & (kIn - 1)] != 0.f) return false;
    return true;
  }

  bool waits() const {
    const int wait = static_cast<int>(values_[kWait]);
    return wait == 1 || (wait == 0 && bridge_process_mode == 2);
  }

  // A new stream: the engine begins anew at `base` with the values of now. What it made of the one before is still
  // heard where `drains`: at the end of a loop.
  void begin(bool drains, uint64_t base) {
    keep_pitch();
    made_before_ = drains ? ready() : 0;
    valid_before_ = std::max(base_, segment_->valid_from.load());
    segment_->epoch.fetch_add(1);  // odd while it changes
    {
      const std::unique_lock<std::mutex> guard(mutex_, std::try_to_lock);  // the audio thread never waits for a host
      if (guard.owns_lock()) std::memcpy(segment_->singers, singers_, sizeof singers_);
      else again_ = true;
    }
    segment_->base = base_ = base;
    segment_->rate = getSampleRate();
    segment_->channels = PLUGIN_BRIDGE_CHANNELS;
    segment_->hop = hop_;
    segment_->delay = delay_;
    segment_->block = getBufferSize();
    segment_->drains = drains_ = drains;
    segment_->heard = kept_;
    segment_->found.store(0.f);
    segment_->first_message = segment_->msg_w.load(std::memory_order_relaxed);
    for (uint32_t i = 0; i < kCount; i++) moved_[i] = false;
    send_all(base_);
    segment_->in_w.store(position_);
    segment_->epoch.fetch_add(1);
    if (!drains) gain_ = 0.f;
    lost_ = false;
    bell_.ring(segment_->bell_in, segment_->port_in);
  }

  // A pitch once found is the project's, so that the next export does not hunt for it.
  void keep_pitch() {
    if (segment_ && kept_ == 0.f) kept_ = segment_->found.load();
  }

  void send(Message message, const uint8_t* data) {
    const uint64_t at = segment_->msg_w.load(std::memory_order_relaxed);
    if (data) std::memcpy(message.data, data, 4);
    segment_->messages[at & (kMessages - 1)] = message;
    segment_->msg_w.store(at + 1, std::memory_order_release);
  }

  void send_all(uint64_t position) {
    sent_all_ = segment_->msg_w.load(std::memory_order_relaxed);
    for (uint32_t i = 0; i < kCount; i++)
      if (!kRows[i].output) send({position, kValue, i, values_[i], {}, 0}, nullptr);
  }

  // Hand the panel's moves to the host, which owns the values: it records them, and it may refuse them. In VST3 that is
  // for the host's thread of windows, which a plug-in without one does not see. Audio threads have done it in many
  // plug-ins, so that hosts bear it; a thread of our own made Ardour 7.3 crash.
  void hand_on() {
    played_ = true;
    const bool down = values_[kPanel] >= 0.5f;
    if (down && !was_down_) move(kPanel, 0.f);  // a button comes up by itself
    was_down_ = down;
    let_go();
    const uint64_t end = segment_->ask_w.load(std::memory_order_acquire);
    if (end == asked_) return;
    if (end - asked_ > kAsks) asked_ = end - kAsks;  // whatever wrote that
    for (; asked_ != end; asked_++) {
      const uint64_t ask = segment_->asks[asked_ & (kAsks - 1)].load(std::memory_order_relaxed);
      const uint32_t number = static_cast<uint32_t>(ask >> 32), bits = static_cast<uint32_t>(ask);
      float value;
      std::memcpy(&value, &bits, sizeof value);
      if (number == kCalm) end_notes();
      const bool taken = number == kCalm || (can_ask(number) && fits(kRows[number], value) && move(number, value));
      segment_->answers[asked_ & (kAsks - 1)].store(taken ? kTaken : kRefused, std::memory_order_relaxed);
    }
    segment_->ask_r.store(asked_, std::memory_order_release);
  }

  // Move a parameter. The moves of a hand are one gesture, which a host records and undoes as one.
  bool move(uint32_t number, float value) {
    if (held_until_[number] == 0.0) gesture(number, 1);
    held_until_[number] = now() + kGesture;
    return requestParameterValueChange(number, value);
  }

  void let_go() {
    for (uint32_t i = 0; i < kCount; i++)
      if (held_until_[i] != 0.0 && now() >= held_until_[i]) gesture(i, -1), held_until_[i] = 0.0;
  }

  void gesture(uint32_t number, int how) {
    bridge_gesture = how;
    requestParameterValueChange(number, values_[number]);
    bridge_gesture = 0;
  }

  static bool can_ask(uint32_t number) { return number < kCount && number != kPanel && !kRows[number].output; }

  void end_notes() {
    for (uint8_t channel = 0; channel < 16; channel++) {
      const uint8_t bytes[4] = {static_cast<uint8_t>(0xB0 | channel), 123, 0, 0};
      send({position_, kMidi, 3, 0.f, {}, 0}, bytes);
    }
  }

  void show_values() {
    for (uint32_t i = 0; i < kCount; i++)
      segment_->values[i].store(getParameterValue(i), std::memory_order_relaxed);
  }

  void process(const float** in, float** out, uint32_t frames) {
    if (!segment_) {
      for (uint32_t c = 0; c < PLUGIN_BRIDGE_CHANNELS; c++) std::memset(out[c], 0, 4 * frames);
      count_ = 0;
      return;
    }
    for (uint32_t i = 0; i < kCount; i++)
      if (moved_[i].exchange(false)) send({position_, kValue, i, values_[i], {}, 0}, nullptr);
    for (uint32_t i = 0; i < count_; i++)
      send({position_ + points_[i].frame, kValue, points_[i].index, points_[i].value, {}, 0}, nullptr);
    count_ = 0;
    if (segment_->msg_w.load(std::memory_order_relaxed) - sent_all_ > kMessages / 2) send_all(position_);  // for who comes late
    const bool exact = waits();
    segment_->exact.store(exact);
    for (uint32_t done = 0; done < frames;) {
      const uint32_t n = std::min(frames - done, kMaxBlock);
      carry(in, out, done, n, exact);
      done += n;
    }
  }

  uint64_t ready() const {
    const uint64_t epoch = segment_->epoch.load(std::memory_order_relaxed);
    return segment_->ack.load(std::memory_order_acquire) == epoch ? segment_->out_w.load(std::memory_order_acquire) : 0;
  }

  void carry(const float** in, float** out, uint32_t offset, uint32_t n, bool exact) {
    for (uint32_t c = 0; c < PLUGIN_BRIDGE_CHANNELS; c++) put(segment_->in[c], kIn, position_, in[c] + offset, n);
    segment_->in_w.store(position_ + n, std::memory_order_release);
    if ((position_ - base_) / hop_ != (position_ + n - base_) / hop_) bell_.ring(segment_->bell_in, segment_->port_in);
    const uint64_t from = position_ - delay_, need = from + n;
    const bool whole = exact && ((need <= base_ && !drains_) || await(need));
    if (whole && need > base_) status_ = segment_->status.load();  // sooner than the supervisor sees it
    const uint64_t answered = ready(), made = whole ? need : answered;
    const uint64_t made_before = drains_ && answered ? base_ : made_before_;
    const uint64_t valid = whole ? base_ : std::max(base_, segment_->valid_from.load(std::memory_order_acquire));
    const bool dry = values_[kFallback] > 0.5f;
    const uint32_t lag = kLatencyHops * hop_;
    uint64_t late = 0;
    for (uint32_t i = 0; i < n; i++) {
      const uint64_t q = from + i;
      const bool before = q < base_;
      const uint64_t end = before ? made_before : made;
      const bool have = q < end && q >= (before ? valid_before_ : valid);
      if (whole && (drains_ || !before)) {
        gain_ = 1.f;
      } else {
        const float room = have ? std::min(1.f, static_cast<float>(end - q) / kFade) : 0.f;
        gain_ = std::min(gain_ + 1.f / kFade, room);
        late += !have && !before;
      }
      for (uint32_t c = 0; c < PLUGIN_BRIDGE_CHANNELS; c++) {
        float y = have ? segment_->out[c][q & (kOut - 1)] : 0.f;
        if (gain_ < 1.f) {
          const float other = dry && !before && q >= base_ + lag ? segment_->in[c][(q - lag) & (kIn - 1)] : 0.f;
          y = gain_ * y + (1.f - gain_) * other;
        }
        out[c][offset + i] = y;
      }
    }
    late_ += late;
    position_ += n;
  }

  // Wait, in an export only, until the engine has made what is needed; after one vain wait of a stream no more.
  bool await(uint64_t need) {
    if (ready() >= need) {
      lost_ = false;
      return true;
    }
    if (lost_) return false;
    uint64_t life = ~0ull;
    for (double since = now(); now() - since < kPatience;) {
      const uint32_t bell = segment_->bell_out.load();
      const uint64_t made = ready(), beat = segment_->beat.load();
      if (made >= need) return true;
      const bool refused = made && segment_->status.load() >= kRefusals;
      if (refused) status_ = segment_->status.load();
      if (refused || hopeless_) break;
      if (life != made + beat) life = made + beat, since = now();
      bell_.wait(segment_->bell_out, bell, 50);
    }
    lost_ = true;
    return false;
  }

  // A thread of its own: it has the engine started where there is none, and the panel where it is asked for, and tells
  // how things stand.
  void supervise() {
    Starter starter, opener;
    double next = 0.0;
    uint32_t starts = 0, opened = 0;
    bool lost = false;
    while (!ending_) {
      const bool served = !is_free(file_), begins = starter.busy() || !is_free(conf_["run"] + "/" + kLock);
      hopeless_ = !served && (lost || starter.failed());
      if (served) starts = 0, lost = false;
      status_ = served ? segment_->status.load() : static_cast<uint32_t>(hopeless_ ? kNoEngine : kStarting);
      if (!served && !begins && now() >= next) {
        lost = !starter.start({conf_["python"], "-I", "-m", kServer, conf_["run"], own_path()},
                              {std::begin(kEnvironment), std::end(kEnvironment)});
        next = now() + kDelays[std::min<uint32_t>(++starts, 3)];
      }
      show_values();
      if (!opener.busy() && opened != pressed_) {  // a panel that is there sees it, and opens its page again
        opened = pressed_;
        segment_->pressed.store(opened);
        if (is_free(path_ + kPanelSuffix))
          opener.start({conf_["python"], "-I", "-m", kPanelServer, path_ + kSegmentSuffix, own_path()}, {});
      }
      std::this_thread::sleep_for(std::chrono::duration<double>(kTick));
    }
    while (starter.busy() || opener.busy()) std::this_thread::sleep_for(std::chrono::duration<double>(kTick));
  }

  struct Point {
    uint32_t frame, index;
    float value;
  };

  std::map<std::string, std::string> conf_;
  std::string path_;
  File file_, host_;
  Bell bell_;
  Segment* segment_ = nullptr;
  std::thread supervisor_;
  std::atomic<bool> ending_{false}, hopeless_{false}, again_{false}, played_{false};
  mutable std::mutex mutex_;  // of singers_, which hosts set from their own threads
  Singer singers_[kSlots]{};
  std::atomic<float> kept_{0.f}, values_[kCount];
  std::atomic<bool> moved_[kCount];
  std::atomic<uint32_t> status_{kStarting}, pressed_{0};
  std::atomic<uint64_t> late_{0};
  Point points_[kPoints];
  uint32_t count_ = 0, hop_ = 1, delay_ = 1;
  uint64_t position_ = kIn, base_ = kIn, made_before_ = 0, valid_before_ = 0, expected_ = 0, sent_all_ = 0, asked_ = 0;
  double held_until_[kCount] = {};  // of the parameters that the panel moves
  float gain_ = 0.f;
  bool lost_ = false, plays_ = false, drains_ = false, was_down_ = false;
};

Plugin* createPlugin() { return new Shell(); }

END_NAMESPACE_DISTRHO

// The engine's end of a segment, for ctypes.
#if defined(_WIN32)
#define BRIDGE_EXPORT extern "C" __declspec(dllexport)
#else
#define BRIDGE_EXPORT extern "C" __attribute__((visibility("default"), used))
#endif

namespace {
struct Claim {
  bridge::File file;
  bridge::Bell bell;
  bridge::Segment* segment = nullptr;
};
struct Stream {  // mirrored by bridge.py
  uint64_t epoch, base, first_message, in_w, msg_w, out_w, ack;
  double rate;
  uint32_t channels, hop, delay, block, exact, drains;
  float heard;
  uint32_t alive, process;
};
}  // namespace

BRIDGE_EXPORT uint32_t plugin_bridge_latency(double rate, uint32_t block) {
  return delay_of(rate, block) + kLatencyHops * hop_of(rate);
}

// Open a segment, and claim it unless it is only looked at; null where another engine has it, or there is none.
BRIDGE_EXPORT void* plugin_bridge_open(const char* path, int claims) {
  auto* claim = new Claim;
  if (claim->file.open(path, false) && (!claims || claim->file.lock()) && (claim->segment = claim->file.map(false)) &&
      claim->segment->magic.load() == bridge::kMagic && claim->segment->version == bridge::kVersion) {
    if (claims) claim->bell.listen(claim->segment->port_in), claim->segment->process.store(process_number());
    return claim;
  }
  delete claim;
  return nullptr;
}
BRIDGE_EXPORT void plugin_bridge_close(Claim* claim) { delete claim; }

// Make a file, or take the one that is there, and lock it; null where another process has locked it.
BRIDGE_EXPORT void* plugin_bridge_hold(const char* path) {
  auto* file = new bridge::File;
  if ((file->open(path, true) || file->open(path, false)) && file->lock()) return file;
  delete file;
  return nullptr;
}
BRIDGE_EXPORT void plugin_bridge_release(bridge::File* file) { delete file; }

// Whether nobody holds the lock of a file.
BRIDGE_EXPORT int plugin_bridge_is_free(const char* path) {
  bridge::File file;
  return file.open(path, false) && file.lock();
}

BRIDGE_EXPORT const char* plugin_bridge_map(Claim* claim) { return claim->segment->map; }
BRIDGE_EXPORT const char* plugin_bridge_singer(Claim* claim, uint32_t slot) { return claim->segment->singers[slot].id; }
BRIDGE_EXPORT const char* plugin_bridge_hash(Claim* claim, uint32_t slot) { return claim->segment->singers[slot].hash; }
BRIDGE_EXPORT void plugin_bridge_sung(Claim* claim, uint32_t slot, const char* id, const char* hash) {
  copy_text(claim->segment->sung[slot].hash, sizeof claim->segment->sung[slot].hash, hash);
  copy_text(claim->segment->sung[slot].id, sizeof claim->segment->sung[slot].id, id);
}

// Read the facts of the stream; 0 where they are changing.
BRIDGE_EXPORT int plugin_bridge_stream(Claim* claim, Stream* stream) {
  bridge::Segment& s = *claim->segment;
  stream->alive = s.magic.load() == bridge::kMagic, stream->process = s.process.load();
  stream->epoch = s.epoch.load();
  if (stream->epoch == 0 || stream->epoch % 2) return 0;
  stream->base = s.base, stream->first_message = s.first_message, stream->rate = s.rate;
  stream->channels = s.channels, stream->hop = s.hop, stream->delay = s.delay, stream->heard = s.heard;
  stream->block = s.block;
  stream->drains = s.drains;
  stream->exact = s.exact.load(), stream->out_w = s.out_w.load(), stream->ack = s.ack.load();
  stream->in_w = s.in_w.load(std::memory_order_acquire);   // first: what was sent before is then there, too
  stream->msg_w = s.msg_w.load(std::memory_order_acquire);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return s.epoch.load() == stream->epoch;
}

// Say that a stream's output is good from one position on, and made up to another.
BRIDGE_EXPORT void plugin_bridge_begin(Claim* claim, uint64_t epoch, uint64_t valid_from, uint64_t made) {
  bridge::Segment& s = *claim->segment;
  s.valid_from.store(valid_from);
  s.out_w.store(made);
  s.ack.store(epoch);
  claim->bell.ring(s.bell_out, s.port_out);
}

// Copy n samples of each channel, (channels, n); the caller keeps to what is there.
BRIDGE_EXPORT void plugin_bridge_read(Claim* claim, uint64_t position, float* x, uint32_t channels, uint32_t n) {
  for (uint32_t c = 0; c < channels; c++) bridge::take(claim->segment->in[c], bridge::kIn, position, x + c * n, n);
}
BRIDGE_EXPORT void plugin_bridge_write(Claim* claim, uint64_t position, const float* x, uint32_t channels, uint32_t n) {
  bridge::Segment& s = *claim->segment;
  for (uint32_t c = 0; c < channels; c++) bridge::put(s.out[c], bridge::kOut, position, x + c * n, n);
  s.out_w.store(position + n, std::memory_order_release);
  claim->bell.ring(s.bell_out, s.port_out);
}
BRIDGE_EXPORT void plugin_bridge_messages(Claim* claim, uint64_t from, bridge::Message* to, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) to[i] = claim->segment->messages[(from + i) & (bridge::kMessages - 1)];
}

BRIDGE_EXPORT uint32_t plugin_bridge_status(Claim* claim) { return claim->segment->status.load(); }
BRIDGE_EXPORT void plugin_bridge_report(Claim* claim, uint32_t status, float found) {
  claim->segment->found.store(found);
  claim->segment->status.store(status);
}
BRIDGE_EXPORT void plugin_bridge_beat(Claim* claim) { claim->segment->beat.fetch_add(1); }
BRIDGE_EXPORT uint32_t plugin_bridge_bell(Claim* claim) { return claim->segment->bell_in.load(); }
BRIDGE_EXPORT void plugin_bridge_wait(Claim* claim, uint32_t seen, uint32_t ms) {
  claim->bell.wait(claim->segment->bell_in, seen, ms);
}
BRIDGE_EXPORT void plugin_bridge_measure(Claim* claim, const float* meters) {
  for (uint32_t i = 0; i < bridge::kMeters; i++) claim->segment->meters[i].store(meters[i], std::memory_order_relaxed);
}

// The panel's end. It may be one process at a time.
BRIDGE_EXPORT const char* plugin_bridge_format(Claim* claim) { return claim->segment->format; }
BRIDGE_EXPORT uint32_t plugin_bridge_takes_moves(Claim* claim) { return claim->segment->takes_moves; }
BRIDGE_EXPORT uint32_t plugin_bridge_pressed(Claim* claim) { return claim->segment->pressed.load(); }
BRIDGE_EXPORT void plugin_bridge_show(Claim* claim, uint32_t port) { claim->segment->port.store(port); }
BRIDGE_EXPORT uint32_t plugin_bridge_port(Claim* claim) { return claim->segment->port.load(); }
BRIDGE_EXPORT void plugin_bridge_values(Claim* claim, float* values, uint32_t n) {
  for (uint32_t i = 0; i < std::min(n, bridge::kMaxRows); i++)
    values[i] = claim->segment->values[i].load(std::memory_order_relaxed);
}
BRIDGE_EXPORT void plugin_bridge_meters(Claim* claim, float* meters) {
  for (uint32_t i = 0; i < bridge::kMeters; i++) meters[i] = claim->segment->meters[i].load(std::memory_order_relaxed);
}

// Ask the host to move a parameter; 0 where too many moves wait already, else a number for `answer`.
BRIDGE_EXPORT uint64_t plugin_bridge_ask(Claim* claim, uint32_t number, float value) {
  bridge::Segment& s = *claim->segment;
  const uint64_t at = s.ask_w.load(std::memory_order_relaxed);
  if (at - s.ask_r.load(std::memory_order_acquire) >= bridge::kAsks) return 0;
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  s.asks[at & (bridge::kAsks - 1)].store(static_cast<uint64_t>(number) << 32 | bits, std::memory_order_relaxed);
  s.ask_w.store(at + 1, std::memory_order_release);
  return at + 1;
}
BRIDGE_EXPORT uint32_t plugin_bridge_answer(Claim* claim, uint64_t ask) {
  bridge::Segment& s = *claim->segment;
  if (s.ask_r.load(std::memory_order_acquire) < ask) return bridge::kWaits;
  return s.answers[(ask - 1) & (bridge::kAsks - 1)].load(std::memory_order_relaxed);
}

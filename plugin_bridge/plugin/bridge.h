// The shared segment of one plug-in instance, and the rings in it: one definition for the plug-in, the engine and the
// panel.
//
// Positions count samples of one instance and only grow. Each index has one writer and a cache line of its own.
// The engine's output at position q is what it returned when it was fed the input at q.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

namespace bridge {

constexpr uint32_t kMagic = 0x50424731, kVersion = 2;
constexpr uint32_t kChannels = 2;
constexpr uint32_t kIn = 1u << 19;    // samples kept of the input: what an engine that starts again may hear again
constexpr uint32_t kOut = 1u << 16;   // samples of the output
constexpr uint32_t kMessages = 1u << 14;
constexpr uint32_t kSlots = 16;       // numbers of singers
constexpr uint32_t kText = 256;
constexpr uint32_t kMaxBlock = 8192;  // samples written at once
constexpr uint32_t kAsks = 256;       // moves of the panel that may wait for the host
constexpr uint32_t kMaxRows = 64;     // parameters
constexpr uint32_t kMeters = 8;

enum Answer : uint32_t { kWaits = 0, kTaken = 1, kRefused = 2 };
enum Kind : uint32_t { kValue = 1, kMidi = 2 };

struct Message {  // at a sample: a parameter's value, or a MIDI message of `id` bytes
  uint64_t position;
  uint32_t kind, id;
  float value;
  uint8_t data[4];
  uint64_t unused;
};
static_assert(sizeof(Message) == 32, "layout");

struct Singer {  // what a number means in this project
  char id[64];
  char hash[72];  // SHA-256 of its file in hexadecimal digits; empty for any
};

struct Segment {
  std::atomic<uint32_t> magic;  // last, once the rest is there; 0 when the instance is gone
  uint32_t version;
  char format[8];               // VST3, CLAP or LV2
  uint32_t takes_moves;         // whether the host lets a plug-in move its parameters
  char map[kText];              // path of the MIDI map that names the singers; empty for the one that ships
  Singer singers[kSlots];
  alignas(64) std::atomic<uint64_t> epoch;  // number of the stream; the rest of this line was written before
  uint64_t base, first_message;
  double rate;
  uint32_t channels, hop, delay, block;
  uint32_t drains;                          // whether the stream before is to be sung to its end: it loops
  float heard;                              // the source's pitch found by a stream before, hertz; 0 for none
  alignas(64) std::atomic<uint32_t> exact;  // whether the host waits for the output
  alignas(64) std::atomic<uint64_t> in_w;
  alignas(64) std::atomic<uint64_t> msg_w;
  alignas(64) std::atomic<uint64_t> out_w;  // the engine's from here on
  std::atomic<uint64_t> valid_from, ack;
  alignas(64) std::atomic<uint32_t> beat;   // moves while the engine lives
  std::atomic<uint32_t> status, process;    // and its number
  std::atomic<float> found;                 // the source's pitch heard by this stream, hertz
  Singer sung[kSlots];                      // the files that were loaded, written before `status`
  alignas(64) std::atomic<uint32_t> bell_in;
  alignas(64) std::atomic<uint32_t> bell_out;
  alignas(64) std::atomic<uint32_t> port_in;  // doorbells by socket: where each end listens
  std::atomic<uint32_t> port_out;
  alignas(64) std::atomic<uint32_t> pressed;  // how often the button of the panel was
  std::atomic<float> values[kMaxRows];        // as the host has them, 20 times a second
  alignas(64) std::atomic<uint64_t> ask_r;    // the plug-in's: moves that it has handed to the host
  std::atomic<uint32_t> answers[kAsks];
  alignas(64) std::atomic<uint64_t> ask_w;    // the panel's
  std::atomic<uint64_t> asks[kAsks];          // number of the parameter, and its value's bits below
  std::atomic<uint32_t> port;                 // of its page on 127.0.0.1; 0 while there is none
  alignas(64) std::atomic<float> meters[kMeters];  // the engine's
  alignas(64) Message messages[kMessages];
  alignas(64) float in[kChannels][kIn];
  float out[kChannels][kOut];
};
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<float>::is_always_lock_free, "shared");

// Copy n samples at a position into or out of a ring.
inline void put(float* ring, uint32_t size, uint64_t position, const float* x, uint32_t n) {
  const uint32_t at = position & (size - 1), first = std::min(n, size - at);
  std::memcpy(ring + at, x, 4 * first);
  std::memcpy(ring, x + first, 4 * (n - first));
}

inline void take(const float* ring, uint32_t size, uint64_t position, float* x, uint32_t n) {
  const uint32_t at = position & (size - 1), first = std::min(n, size - at);
  std::memcpy(x, ring + at, 4 * first);
  std::memcpy(x + first, ring, 4 * (n - first));
}

}  // namespace bridge

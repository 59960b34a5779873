// What DPF has to know of the plug-in before it compiles it; PLUGIN_BRIDGE_CHANNELS is 1 or 2.
#pragma once

#define DISTRHO_PLUGIN_BRAND "plugin_bridge"
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "pitch-shifter", PLUGIN_BRIDGE_CLAP_CHANNELS
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx|Pitch Shift"
#define DISTRHO_PLUGIN_LV2_CATEGORY "lv2:PitchPlugin"
#define DISTRHO_PLUGIN_HAS_UI 0
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_NUM_INPUTS PLUGIN_BRIDGE_CHANNELS
#define DISTRHO_PLUGIN_NUM_OUTPUTS PLUGIN_BRIDGE_CHANNELS
#define DISTRHO_PLUGIN_WANT_LATENCY 1
#define DISTRHO_PLUGIN_WANT_PARAMETER_VALUE_CHANGE_REQUEST 1
#define DISTRHO_PLUGIN_WANT_PROGRAMS 1
#define DISTRHO_PLUGIN_WANT_STATE 1
#define DISTRHO_PLUGIN_WANT_FULL_STATE 1
#define DISTRHO_PLUGIN_WANT_TIMEPOS 1

#if PLUGIN_BRIDGE_CHANNELS == 1
#define DISTRHO_PLUGIN_NAME "plugin_bridge mono"
#define DISTRHO_PLUGIN_URI "urn:plugin_bridge:mono"
#define DISTRHO_PLUGIN_CLAP_ID "plugin_bridge.mono"
#define PLUGIN_BRIDGE_CLAP_CHANNELS "mono"
#else
#define DISTRHO_PLUGIN_NAME "plugin_bridge"
#define DISTRHO_PLUGIN_URI "urn:plugin_bridge:stereo"
#define DISTRHO_PLUGIN_CLAP_ID "plugin_bridge.stereo"
#define PLUGIN_BRIDGE_CLAP_CHANNELS "stereo"
#endif

#ifdef DISTRHO_PLUGIN_TARGET_VST3  // there MIDI input would add 2,080 hidden parameters, which take hosts seconds
#define DISTRHO_PLUGIN_WANT_MIDI_INPUT 0
#else
#define DISTRHO_PLUGIN_WANT_MIDI_INPUT 1
#endif

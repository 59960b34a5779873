"""The presets that ship: TOML files, read through `plugin_bridge`."""

"""Make a driver by its name; what it needs is loaded only then."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from dsp.errors import DeviceError, MissingExtraError
from plugin_bridge.live.drivers.driver import Driver
from plugin_bridge.live.settings import DriverSettings

_CLASSES = {
    "jack": "JackDriver",
    "soundcard": "SoundcardDriver",
    "reastream": "ReaStreamDriver",
    "null": "NullDriver",
}
_PACKAGES = {"jack": "JACK-Client", "sounddevice": "sounddevice"}
_LIBRARIES = {
    "jack": "the JACK library is missing; on Debian: apt-get install libjack-jackd2-0",
    "soundcard": "the PortAudio library is missing; on Debian: apt-get install libportaudio2",
}


def make_driver(settings: DriverSettings) -> Driver:
    """Return a driver that is not open yet.

    Raises:
        DeviceError: its system library is missing.
        MissingExtraError: its Python package is missing.
    """
    try:
        module = import_module(f"plugin_bridge.live.drivers.{settings.name}")
    except ModuleNotFoundError as error:
        package = _PACKAGES.get(str(error.name))
        if package is None:
            raise
        raise MissingExtraError(
            f"the driver {settings.name} needs {package}; run: pip install 'plugin-bridge[live]'"
        ) from error
    except OSError as error:  # so say both packages when ctypes does not find the library
        raise DeviceError(_LIBRARIES[settings.name]) from error
    driver: Callable[[DriverSettings], Driver] = getattr(module, _CLASSES[settings.name])
    return driver(settings)

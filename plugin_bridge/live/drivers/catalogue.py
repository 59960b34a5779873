"""Make a driver by its name; what it needs is loaded only then."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from models.errors import how_to_install
from plugin_bridge.errors import DeviceError, MissingExtraError
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
    """Return a driver that is not open yet; raises as `driver_module`."""
    module = driver_module(settings.name)
    driver: Callable[[DriverSettings], Driver] = getattr(module, _CLASSES[settings.name])
    return driver(settings)


def driver_module(name: str) -> ModuleType:
    """Return the module of a driver, one of `DRIVERS`.

    Raises:
        DeviceError: its system library is missing.
        MissingExtraError: its Python package is missing.
    """
    try:
        return import_module(f"plugin_bridge.live.drivers.{name}")
    except ModuleNotFoundError as error:
        package = _PACKAGES.get(str(error.name))
        if package is None:
            raise
        raise MissingExtraError(
            f"the driver {name} needs {package}, which is not installed; {how_to_install('live')}"
        ) from error
    except OSError as error:  # so say both packages when ctypes does not find the library
        raise DeviceError(_LIBRARIES[name]) from error

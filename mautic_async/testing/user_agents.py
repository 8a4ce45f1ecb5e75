"""Browsers and devices as Mautic's detector names them, for the user agents that people have."""

from __future__ import annotations

import re
from typing import Any, Final

_BROWSERS: Final = (
    (r"Edg(?:e|A|iOS)?/([\d.]+)", "Microsoft Edge", "PS", "Blink", "Internet Explorer"),
    (r"Firefox/([\d.]+)", "Firefox", "FF", "Gecko", "Firefox"),
    (r"CriOS/([\d.]+)", "Chrome Mobile iOS", "CI", "WebKit", "Chrome"),
    (r"Chrome/([\d.]+) Mobile", "Chrome Mobile", "CM", "Blink", "Chrome"),
    (r"Chrome/([\d.]+)", "Chrome", "CH", "Blink", "Chrome"),
    (r"Version/([\d.]+) Mobile\S* Safari", "Mobile Safari", "MF", "WebKit", "Safari"),
    (r"(?:iPhone|iPad).* AppleWebKit", "Mobile Safari", "MF", "WebKit", "Safari"),
    (r"Version/([\d.]+) Safari", "Safari", "SF", "WebKit", "Safari"),
)
"""Pattern with the version, name, short name, engine and family; the first that matches counts."""
_SYSTEMS: Final = (
    (r"(?:iPhone|CPU) OS ([\d_]+)", "iOS", "IOS"),
    (r"Android ([\d.]+)", "Android", "AND"),
    (r"Windows NT ([\d.]+)", "Windows", "WIN"),
    (r"Mac OS X ([\d_.]+)", "Mac", "MAC"),
    (r"Linux", "GNU/Linux", "LIN"),
)
_WINDOWS: Final = {"10.0": "10", "6.3": "8.1", "6.2": "8", "6.1": "7"}
_DEVICES: Final = (
    ("iPhone", "smartphone", "Apple", "iPhone"),
    ("iPad", "tablet", "Apple", "iPad"),
    ("Android.*Mobile", "smartphone", "", ""),
    ("Android", "tablet", "", ""),
    ("Macintosh", "desktop", "Apple", ""),
    ("Windows NT|Linux", "desktop", "", ""),
)


def parse(user_agent: str) -> dict[str, Any]:
    """Return the columns of a device row for a user agent; those of an unknown one are empty or null."""
    device = {"clientInfo": None, "device": "", "deviceBrand": "", "deviceModel": ""}
    device |= dict.fromkeys(("deviceOsName", "deviceOsShortName", "deviceOsVersion", "deviceOsPlatform"))
    for pattern, kind, brand, model in _DEVICES:
        if re.search(pattern, user_agent):
            device |= {"device": kind, "deviceBrand": brand, "deviceModel": model}
            break
    for pattern, name, short_name in _SYSTEMS:
        if match := re.search(pattern, user_agent):
            version = match[1].replace("_", ".") if match.re.groups else ""
            version = _WINDOWS.get(version, version) if name == "Windows" else version
            platform = "x64" if re.search("x64|x86_64|WOW64", user_agent) else ""
            device |= {"deviceOsName": name, "deviceOsShortName": short_name}
            device |= {"deviceOsVersion": version, "deviceOsPlatform": platform}
            break
    return device | {"clientInfo": _browser(user_agent)}


def _browser(user_agent: str) -> dict[str, Any] | None:
    for pattern, name, short_name, engine, family in _BROWSERS:
        if match := re.search(pattern, user_agent):
            version = match[1] if match.re.groups else ""
            if name != "Mobile Safari":
                version = ".".join(version.split(".")[:2])
            prefix = {"Gecko": "rv:", "WebKit": "AppleWebKit/", "Blink": "Chrome/"}[engine]
            engine_version = re.search(re.escape(prefix) + r"([\d.]+)", user_agent)
            browser = {"type": "browser", "name": name, "short_name": short_name, "version": version}
            browser |= {"engine": engine, "engine_version": engine_version[1] if engine_version else ""}
            return browser | {"family": family}
    return None

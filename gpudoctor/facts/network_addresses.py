"""Tell network addresses from version numbers and times, by what stands around them."""

from __future__ import annotations

import ipaddress
import re

MAC = re.compile(r"(?<![\w:.-])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![\w:-])")
IPV6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f:]*\d)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
IPV4 = re.compile(r"(?<![\w.+-])\d{1,3}(?:\.\d{1,3}){3}(?![\w+-]|\.\d)")

_COMPARED = re.compile(r"[=<>~!]=\s*$|[<>]\s*$")
_IN_URL = re.compile(r"(?:://|@|\[)$")
_PORT_OR_MASK = re.compile(r":\d{2,5}(?![\d.])|/\d{1,2}(?![\w/.])")
_CALLED_ADDRESS = re.compile(
    r"(?i)(?:\b(?:address|addr|host|hostname|ip|ipv4|inet|peer|server|gateway|proxy|nameserver|connect(?:ed|ing)? to"
    r"|(?:eth|en|ib|wl|bond|br)[a-z0-9]*\d)|_ADDR|_HOST|_IP)[\s:=(\"']*$"
)
_CALLED_VERSION = re.compile(r"(?i)(?:version|release|driver|cuda|cudnn|nccl|lib\w*|v|[a-z]\w*-[\w-]+)[\s:=(\"']*$")
_NEVER_PRIVATE = tuple(ipaddress.ip_network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "255.0.0.0/8"))
_LOCAL = tuple(ipaddress.ip_network(text) for text in ("192.168.0.0/16", "172.16.0.0/12", "169.254.0.0/16"))


def is_ipv4_address(found: re.Match[str]) -> bool:
    """Whether four numbers with dots are an address and no version: 9.10.2.21 alone is a version.

    In a URL, after @, before a port or mask, or called an address, they are one; so are 192.168.x.x and its like unless
    they are called a version. 10.x.x.x alone is taken for a version: CUDA libraries are numbered like that.
    """
    try:
        address = ipaddress.IPv4Address(found[0])
    except ValueError:
        return False
    before, after = found.string[: found.start()], found.string[found.end() :]
    if any(address in network for network in _NEVER_PRIVATE) or _COMPARED.search(before):
        return False
    if _IN_URL.search(before) or _PORT_OR_MASK.match(after) or _CALLED_ADDRESS.search(before):
        return True
    if _CALLED_VERSION.search(before):
        return False
    return any(address in network for network in _LOCAL)


def is_ipv6_address(text: str) -> bool:
    """Whether groups with colons are an IPv6 address of somebody: no time, no PCI address, not the loopback."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)

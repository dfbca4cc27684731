"""Keys: which variables hold them, who is sent which, and how a command keeps them to itself.

A command takes the keys out of its environment when it starts (`take_keys`), so that neither a child nor a reader of
/proc/PID/environ finds them. A library may not do that to the program that uses it: there they stay where the person put them,
and children are given an environment of their own all the same (sandbox/processes/fork_client.py).
"""

import ipaddress
import os
import re
from collections import ChainMap
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from autoreward.core.process_secrecy import erase
from autoreward.core.wording import Phrase
from autoreward.errors import UsageError

SECRET = re.compile(r"(OPENAI|AZURE_OPENAI|ANTHROPIC)_\w*(KEY|TOKEN|SECRET|HEADERS)|AUTOREWARD_SERVER_KEY")
"""Variables with something secret: ours, and what the providers' SDKs would read by themselves."""
SERVER_KEY = "AUTOREWARD_SERVER_KEY"
"""Key of an OpenAI-compatible server; none is sent where it is not set."""
KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
PROVIDER_ADDRESSES = {"anthropic": "https://api.anthropic.com", "openai": "https://api.openai.com/v1"}
"""Each provider's own address; a person's own `OPENAI_BASE_URL` or `ANTHROPIC_BASE_URL` takes its place."""
_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_ASIDE = {
    "openai": {"OPENAI_ORG_ID": "openai-organization", "OPENAI_PROJECT_ID": "openai-project"},
    "anthropic": dict[str, str](),
}

_taken: dict[str, str] = {}


class Access(NamedTuple):
    """Where a model is asked, and what that address alone is sent besides the question."""

    key: str | None
    address: str
    headers: Mapping[str, str]
    """Further headers: the organisation, the project, and the person's own."""
    variable: str
    """Where the key comes from, for messages."""


def take_keys() -> None:
    """Move every key from the process's environment to here, and erase what the kernel would still show of it."""
    names = [name for name in os.environ if SECRET.fullmatch(name)]
    _taken.update({name: os.environ[name] for name in names})
    erase(names)
    for name in names:
        del os.environ[name]


def variables() -> Mapping[str, str]:
    """The environment, keys that were taken out of it included."""
    return ChainMap(_taken, os.environ)


def provider_access(provider: str, environment: Mapping[str, str]) -> Access | None:
    """Access to `openai` or `anthropic` with the person's own settings; None if its key is not set.

    Raises:
        UsageError: the address is none, its key would travel unencrypted, or a value can't be sent as it is.
    """
    variable = KEYS[provider]
    key = environment.get(variable)
    if not key:
        return None
    address = environment.get(f"{provider.upper()}_BASE_URL") or PROVIDER_ADDRESSES[provider]
    demand_address(address, f"{provider.upper()}_BASE_URL", variable)
    headers = {header: environment[name] for name, header in _ASIDE[provider].items() if environment.get(name)}
    custom = f"{provider.upper()}_CUSTOM_HEADERS"
    headers |= _lines(environment.get(custom, ""))
    _demand_sendable(key, variable)
    for name, value in headers.items():
        if not _HEADER.fullmatch(name):
            raise UsageError(f"{custom}: {name!r} is no name of a header; write one NAME: VALUE a line.")
        _demand_sendable(value, next((v for v, header in _ASIDE[provider].items() if header == name), custom))
    return Access(key, address, headers, variable)


def server_access(address: str, environment: Mapping[str, str], where: Phrase) -> Access:
    """Access to an OpenAI-compatible server. `where` it was named, for messages. Raises UsageError as `provider_access`."""
    key = environment.get(SERVER_KEY)
    demand_address(address, where, SERVER_KEY if key else None)
    _demand_sendable(key or "", SERVER_KEY)
    return Access(key or None, address, NO_HEADERS, SERVER_KEY)


def demand_address(address: str, where: Phrase, variable: str | None) -> None:
    """Raises UsageError if it is no address, or the key of such a variable would travel to it unencrypted."""
    try:
        parts = urlsplit(address)
        host, odd = parts.hostname, parts.port == 0
    except ValueError:
        host, odd = None, True
    plain = address.isascii() and address.isprintable() and not re.search(r"[\s\\]", address)
    if not host or odd or not plain or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise UsageError(where, f": {address!r} is no address; write http(s)://HOST:PORT/v1.")
    if "@" in parts.netloc:
        raise UsageError(where, f": leave the name and the password out of the address; a key goes in {SERVER_KEY}.")
    if variable and parts.scheme == "http" and not is_here(host):
        raise UsageError(
            where,
            f": the key in {variable} would travel to {host} unencrypted. Use https, or a tunnel to localhost, or unset "
            f"{variable}.",
        )


def is_here(host: str) -> bool:
    """Whether a host's name means this machine, whatever a name server says."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _demand_sendable(value: str, variable: str) -> None:
    """Raises UsageError, without the value, if it can't be what a header holds."""
    if not (value.isascii() and (not value or value.isprintable()) and value == value.strip()):
        raise UsageError(
            f"{variable} holds a line break, a space at an end or a letter that is not ASCII, which no key has: copy it again."
        )


def _lines(text: str) -> dict[str, str]:
    """`NAME: VALUE` lines, as the SDKs read their CUSTOM_HEADERS."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}

"""Keys go to whom they belong and nowhere else: on the wire, over redirects, and to other processes of this machine."""

import ctypes
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fake_provider import Answer, provider
from test_llm import KINDS, MODEL, PROMPT, client

from autoreward.errors import ProviderError, UsageError
from autoreward.llm.keys import SECRET, provider_access, server_access
from autoreward.llm.open import open_model, open_models
from autoreward.llm.types import RequestRefused
from autoreward.sandbox.processes.fork_client import ForkServer

SECRETS = {
    "OPENAI_API_KEY": "sk-openai-1", "OPENAI_ADMIN_KEY": "sk-admin-2", "OPENAI_ORG_ID": "org-3", "OPENAI_PROJECT_ID": "proj-4",
    "OPENAI_CUSTOM_HEADERS": "x-own: sk-custom-5\nAuthorization: Bearer sk-custom-6", "OPENAI_WEBHOOK_SECRET": "sk-hook-7",
    "ANTHROPIC_API_KEY": "sk-anthropic-8", "ANTHROPIC_AUTH_TOKEN": "sk-token-9", "ANTHROPIC_CUSTOM_HEADERS": "x-own: sk-10",
}  # fmt: skip
WORDS = re.compile(r"sk-[a-z]*-?\d+|org-3|proj-4")


@pytest.fixture
def all_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def sent(server_headers: list[dict[str, str]]) -> set[str]:
    return {word for headers in server_headers for word in WORDS.findall(" ".join(headers.values()))}


@pytest.mark.usefixtures("all_set")
def test_a_compatible_server_gets_no_key_of_anybody_else(tmp_path: Path) -> None:
    """Also with everything set that the SDK would read by itself."""
    with provider(Answer("hello")) as server:
        open_model(f"openai+{server.url}/v1:llama", tmp_path).ask(PROMPT)
    assert sent(server.headers) == set()
    assert "authorization" not in server.headers[0]
    assert not any(name.startswith(("openai-", "x-stainless")) for name in server.headers[0])


@pytest.mark.usefixtures("all_set")
def test_a_compatible_server_gets_its_own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOREWARD_SERVER_KEY", "sk-server-11")
    with provider(Answer("hello")) as server:
        open_model(f"openai+{server.url}/v1:llama", tmp_path).ask(PROMPT)
    assert server.headers[0]["authorization"] == "Bearer sk-server-11"
    assert sent(server.headers) == {"sk-server-11"}


@pytest.mark.usefixtures("all_set")
@pytest.mark.parametrize("kind", KINDS)
def test_a_provider_gets_its_own_key_at_the_persons_own_address(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with provider(Answer("hello")) as server:
        monkeypatch.setenv(f"{kind.upper()}_BASE_URL", server.url + ("/v1" if kind == "openai" else ""))
        open_model(f"{kind}:m", tmp_path).ask(PROMPT)
    if kind == "openai":
        assert server.headers[0]["authorization"] == "Bearer sk-openai-1"
        assert sent(server.headers) == {"sk-openai-1", "org-3", "proj-4", "sk-custom-5"}
    else:
        assert server.headers[0]["x-api-key"] == "sk-anthropic-8"
        assert sent(server.headers) == {"sk-anthropic-8", "sk-10"}


@pytest.mark.usefixtures("all_set")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_follows_a_redirect(kind: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with provider(Answer("hello")) as other, provider(Answer(status=status, headers={"location": other.url})) as server:
        monkeypatch.setenv(f"{kind.upper()}_BASE_URL", server.url)
        with pytest.raises(RequestRefused, match=f"sends its callers elsewhere [(]{status}[)]"):
            open_model(f"{kind}:m", tmp_path).ask(PROMPT)
    assert other.headers == []


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://gpu.example:8000/v1", "unencrypted"),
        ("http://127.0.0.1.example/v1", "unencrypted"),
        ("http://0.0.0.0:8000/v1", "unencrypted"),
        ("https://localhost@evil.example/v1", "leave the name and the password out"),
        ("https://[::1/v1", "is no address"),
        ("https://host:99999/v1", "is no address"),
        ("https://host:0/v1", "is no address"),
        ("https:///v1", "is no address"),
        ("ftp://host/v1", "is no address"),
        ("https://host/v1?to=x", "is no address"),
        ("https://ho st/v1", "is no address"),
        ("https://host\\@evil.example/v1", "is no address"),
        ("https://h\u043est.example/v1", "is no address"),
        ("https://host/v1\r\nx: y", "is no address"),
    ],
)
def test_an_address_that_a_key_must_not_go_to(address: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        server_access(address, {"AUTOREWARD_SERVER_KEY": "k"}, "--model x")
    with pytest.raises(UsageError, match=says):
        provider_access("openai", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": address})


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "127.8.9.1:80", "[::1]:80"])
def test_a_key_may_go_unencrypted_within_the_machine(host: str) -> None:
    assert server_access(f"http://{host}/v1", {"AUTOREWARD_SERVER_KEY": "k"}, "--model x").key == "k"


def test_without_a_key_a_server_of_the_house_needs_no_encryption() -> None:
    assert server_access("http://gpu.example:8000/v1", {}, "--model x").key is None


def test_one_key_is_not_sent_to_two_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = "openai+https://one.example/v1:m", "openai+https://other.example/v1:m"
    names = {"designer": one, "critic": other, "analyzer": other}
    open_models(names, tmp_path, None)  # type: ignore[arg-type]
    monkeypatch.setenv("AUTOREWARD_SERVER_KEY", "k")
    open_models(dict.fromkeys(names, one) | {"critic": one[:-1] + "n"}, tmp_path, None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"sent to https://one\.example and to https://other\.example"):
        open_models(names, tmp_path, None)  # type: ignore[arg-type]


def test_every_secret_that_an_sdk_reads_is_known() -> None:
    """Their sources name the variables; those of other clouds' clients, which are not used here, and paths are left out."""
    import importlib.util

    read: set[str] = set()
    for package in ("openai", "anthropic"):
        spec = importlib.util.find_spec(package)
        assert spec is not None
        for folder in spec.submodule_search_locations or []:
            top = [p for p in Path(folder).glob("*.py")] + list(Path(folder).glob("lib/credentials/*.py"))
            for path in [*top, *Path(folder).glob("lib/_client*.py")]:
                read |= set(re.findall(r"[\"']((?:OPENAI|AZURE_OPENAI|ANTHROPIC)_[A-Z0-9_]+)[\"']", path.read_text()))
    secret = {name for name in read if re.search(r"KEY|TOKEN|SECRET|HEADERS|PASSWORD", name) and "FILE" not in name}
    assert {"OPENAI_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_CUSTOM_HEADERS"} <= secret
    assert not {name for name in secret if not SECRET.fullmatch(name)}
    assert not SECRET.fullmatch("OPENAI_BASE_URL")
    assert not SECRET.fullmatch("RAY_AUTH_TOKEN")


COMMAND = """
import os, subprocess, sys
from autoreward.cli import main
sys.argv = ["autoreward", "--version"]
if {command}:
    try:
        main()
    except SystemExit:
        pass
from autoreward.llm.keys import variables
assert variables()["OPENAI_API_KEY"] == "sk-openai-1", "the program itself still has it"
look = '''
import os
print(any("sk-openai" in value for value in os.environ.values()), end=" ")
try:
    with open(f"/proc/{{os.getppid()}}/environ", "rb") as block:
        print(b"sk-openai" in block.read())
except PermissionError:
    print(False)
'''
subprocess.run([sys.executable, "-c", look], check=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize(
    ("command", "shown"), [(True, "False False"), (False, "True True")], ids=["command", "library"]
)
def test_a_command_takes_its_keys_out_of_its_environment(command: bool, shown: str) -> None:
    """Out of what children inherit, and out of the block that /proc shows, to root too; a library leaves both as they are."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND.format(command=command)],
        env={"PATH": os.environ["PATH"], **SECRETS}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == shown


HIDDEN = """
import ctypes, os, sys
from autoreward.core.process_secrecy import Hidden
prctl = ctypes.CDLL(None).prctl
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
    prctl(4, 1, 0, 0, 0)

def seen():
    child = os.fork()
    if child == 0:
        found = 0
        for bit, file in enumerate(("environ", "mem", "maps")):
            try:
                with open(f"/proc/{os.getppid()}/{file}", "rb") as it:
                    found |= 1 << bit
            except OSError:
                pass
        os._exit(found)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

print(seen())
with Hidden(), Hidden() as inner:
    print(seen())
    inner.close(); inner.close()
    print(seen())
print(seen())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_nobody_with_the_same_rights_reads_a_hidden_process() -> None:
    """Without it they do: that is the control."""
    done = subprocess.run([sys.executable, "-c", HIDDEN], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    before, within, still, after = map(int, done.stdout.split())
    assert within == still == 0
    assert before == after
    if before == 0:
        pytest.skip("this kernel shows processes to nobody (yama)")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_library_is_hidden_while_it_has_children() -> None:
    with ForkServer("autoreward.sandbox.child.server"):
        assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0


LONG = "sk-long-enough-to-be-one/+1"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_server_that_says_the_key_again_does_not_have_it_shown_or_saved(
    kind: str, escaped: bool, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"{kind.upper()}_API_KEY"
    monkeypatch.setenv(variable, LONG)
    said = "".join(f"\\u{ord(c):04X}" for c in LONG) if escaped else LONG.replace("/", "\\/")
    asks = {
        "choices": [{"message": {"content": "was MARK"}}],
        "content": [{"type": "text", "text": "was MARK"}],
        "error": {"message": "your header was MARK"},
    }
    raw = json.dumps(asks).replace("MARK", said).encode()
    with provider(Answer(status=status, raw=raw)) as server:
        monkeypatch.setenv(f"{kind.upper()}_BASE_URL", f"{server.url}/v1")
        asked = client(tmp_path, open_model(f"{kind}:{MODEL[kind]}", tmp_path))
        try:
            shown = asked.ask(PROMPT).text
        except ProviderError as error:
            shown = str(error)
    assert LONG in str(server.headers[0])
    files = " ".join(path.read_text() for path in tmp_path.rglob("*.*") if path.is_file())
    assert LONG not in shown + files
    assert "was [key]" in shown


def test_what_is_unreadable_is_kept_without_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", LONG)
    for answer in (Answer(raw=f"<p>{LONG}</p>".encode()), Answer(text=f"{LONG} and more", cut=True)):
        with provider(answer) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
            with pytest.raises(ProviderError):
                client(tmp_path, open_model(f"openai:{MODEL['openai']}", tmp_path)).ask(PROMPT)
    kept = [path.read_text() for path in tmp_path.rglob("*.txt")]
    assert len(kept) == 8
    assert all(LONG not in text for text in kept)


def test_a_short_word_is_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOREWARD_SERVER_KEY", "none")
    with provider(Answer("there is none")) as server:
        assert open_model(f"openai+{server.url}/v1:llama", tmp_path).ask(PROMPT).text == "there is none"


def test_this_machine_is_not_asked_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOREWARD_SERVER_KEY", LONG)
    with provider(Answer("from the proxy")) as proxy, provider(Answer("from the server")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert open_model(f"openai+{server.url}/v1:llama", tmp_path).ask(PROMPT).text == "from the server"
        assert proxy.headers == []


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "ftp://127.0.0.1:1"])
def test_a_proxy_of_no_known_kind_is_said(proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(RequestRefused, match="proxy that HTTPS_PROXY"):
        open_model("openai+https://example.invalid/v1:llama", tmp_path).ask(PROMPT)


@pytest.mark.parametrize("key", ["sk-1\n", " sk-1", "sk-\u043a1", "\u201csk-1\u201d", "sk-\x1b1"])
def test_a_key_that_no_header_can_hold_is_said_without_it(key: str) -> None:
    for made in (
        lambda: provider_access("openai", {"OPENAI_API_KEY": key}),
        lambda: server_access("http://localhost:1/v1", {"AUTOREWARD_SERVER_KEY": key}, "--model"),
        lambda: provider_access("openai", {"OPENAI_API_KEY": "sk-2", "OPENAI_ORG_ID": key}),
        lambda: provider_access(
            "anthropic", {"ANTHROPIC_API_KEY": "sk-2", "ANTHROPIC_CUSTOM_HEADERS": "x-own: a\u043ab"}
        ),
        lambda: provider_access("anthropic", {"ANTHROPIC_API_KEY": "sk-2", "ANTHROPIC_CUSTOM_HEADERS": "x own: 1"}),
    ):
        with pytest.raises(UsageError, match=r"^(OPENAI|AUTOREWARD|ANTHROPIC)_[A-Z_]*") as caught:
            made()
        assert key not in str(caught.value)

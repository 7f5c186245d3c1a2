"""TLS in front of real servers, with throw-away certificates. The bundled servers are built without it."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""What libpq sends before TLS; the server answers S. Source: the Postgres manual, 54.2.11 "SSL Session Encryption"."""


class Authority:
    """Signs certificates that nobody knows but who is given its `path`."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self._certificate = self._sign(self._name, self._key, constraints)
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def server_context(self, host: str) -> ssl.SSLContext:
        """For a server that is called `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = self._sign(name, key, x509.SubjectAlternativeName([x509.DNSName(host)]))
        path = self._directory / f"{host}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(issuer_name=self._name, subject_name=name, public_key=key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(own, critical=False).add_extension(signer, critical=False)
        return builder.add_extension(extension, critical=True).sign(self._key, SHA256())


@contextmanager
def tls_in_front_of(server: Path | int, context: ssl.SSLContext, *, postgres: bool = False) -> Iterator[int]:
    """A port of the loopback interface where a server answers by TLS, and by nothing else.

    The server is that of a Unix socket, or of another such port.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if postgres:
                if await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
                    return
                writer.write(b"S")
                await writer.start_tls(context)
            inner_reader, inner_writer = await _connect(server)
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    with _listening(serve, None if postgres else context) as port:
        yield port


@contextmanager
def slow_in_front_of(port: int, seconds: float, arrived: Callable[[], None]) -> Iterator[int]:
    """A port behind which another one is after some seconds: what a client of TLS calls a slow connection.

    `arrived` is called for each connection, in a thread, before the seconds begin.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.to_thread(arrived)
            await asyncio.sleep(seconds)  # for a client, this door is slow
            inner_reader, inner_writer = await _connect(port)
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        except OSError:
            pass
        finally:
            writer.close()

    with _listening(serve, None) as slow:
        yield slow


@contextmanager
def _listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]],
    context: ssl.SSLContext | None,
) -> Iterator[int]:
    loop = asyncio.new_event_loop()
    listening = asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    listener = loop.run_until_complete(listening)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield int(listener.sockets[0].getsockname()[1])
    finally:
        asyncio.run_coroutine_threadsafe(_end(listener), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _connect(server: Path | int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(server, int):
        return await asyncio.open_connection("127.0.0.1", server)
    return await asyncio.open_unix_connection(str(server))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def _end(listener: asyncio.Server) -> None:
    listener.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)

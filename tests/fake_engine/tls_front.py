#!/usr/bin/env python3
"""TLS in front of an engine's unix socket: tls_front.py SOCKET.

Prints "PORT" of 127.0.0.1 when it listens, with a certificate of its own that nobody has signed. What
comes is passed on, both ways, until one side ends."""
import asyncio
import ssl
import subprocess
import sys
import tempfile


def certificate(folder):
    names = ["-keyout", folder + "/key", "-out", folder + "/cert"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=front", *names], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + "/cert", folder + "/key")
    return context


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass


async def main(path):
    async def serve(reader, writer):
        to_reader, to_writer = await asyncio.open_unix_connection(path)
        pumps = [asyncio.create_task(pump(reader, to_writer)),
                 asyncio.create_task(pump(to_reader, writer))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for p in pumps:
            p.cancel()
        for w in (to_writer, writer):
            w.close()

    with tempfile.TemporaryDirectory() as folder:
        context = certificate(folder)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(sys.argv[1]))

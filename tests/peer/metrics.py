"""metrics.py PORT: what a stranger may do to the metrics port, and that an honest one is answered all the same. Says what is wrong, status 1."""
import socket
import sys
import time

import openmetrics

PORT = int(sys.argv[1])
GOOD = b'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'


def connect():
    s = socket.create_connection(('127.0.0.1', PORT), 20)
    return s


def ask(request, s=None):
    """status, headers, body; '' for a connection that was closed without an answer"""
    s = s or connect()
    try:
        s.sendall(request)
        got = b''
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
    finally:
        s.close()
    head, _, body = got.partition(b'\r\n\r\n')
    lines = head.decode('ascii').split('\r\n')
    headers = {k.lower(): v for k, v in (line.split(': ', 1) for line in lines[1:])}
    assert len(body) == int(headers['content-length']) or request.startswith(b'HEAD'), 'length'
    assert headers['connection'] == 'close'
    return int(lines[0].split()[1]), headers, body


def answered(why):
    status, headers, body = ask(GOOD)
    assert status == 200, why
    assert headers['content-type'] == 'application/openmetrics-text; version=1.0.0; charset=utf-8', headers
    return openmetrics.read(body.decode('utf-8'))


def statuses():
    for want, request in (
            (404, b'GET / HTTP/1.1\r\n\r\n'), (404, b'GET /../../etc/passwd HTTP/1.1\r\n\r\n'), (405, b'POST /metrics HTTP/1.1\r\n\r\nx'),
            (400, b'hello\r\n\r\n'), (400, b'\x16\x03\x01\x02\x00\x01\n'), (400, b'zcp\x00\x01\x02\x03\n'), (505, b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
            (414, b'GET /' + b'a' * 5000), (431, b'GET /metrics HTTP/1.1\r\nX: ' + b'a' * 5000), (400, b'\0' * 100 + b'\n'),
            (414, b'\xff' * 100000), (200, GOOD + GOOD), (200, b'GET /metrics HTTP/1.0\n\n')):
        got = ask(request)[0]
        assert got == want, '%r: %d, not %d' % (request[:40], got, want)
    status, headers, body = ask(b'HEAD /metrics HTTP/1.1\r\n\r\n')
    assert status == 200 and body == b'' and int(headers['content-length']) > 1000
    assert ask(b'PUT /metrics HTTP/1.1\r\n\r\n')[1]['allow'] == 'GET, HEAD'


def in_pieces():
    s = connect()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in GOOD[:-1]:
        s.sendall(bytes([byte]))
    assert ask(GOOD[-1:], s)[0] == 200, 'a request in pieces'


def slow():
    """A byte, then nothing: the others are answered, and it is told at last that it was too late."""
    s = connect()
    s.sendall(b'G')
    began = time.monotonic()
    for _ in range(20):
        answered('beside a slow one')
    assert time.monotonic() - began < 4, 'a slow one keeps others waiting'
    got = s.recv(65536)
    assert got.startswith(b'HTTP/1.1 408 '), got
    assert time.monotonic() - began < 15


def unread():
    """Those who ask and do not read, and those who read all and stay."""
    held = []
    for _ in range(8):
        s = connect()
        s.sendall(GOOD)
        held.append(s)
    answered('beside those who do not read')


def crowd():
    held = [connect() for _ in range(100)]
    for s in held[:50]:
        s.sendall(b'GET /met')
    began = time.monotonic()
    answered('behind a hundred')
    assert time.monotonic() - began < 12, 'a hundred keep others waiting for %.1f s' % (time.monotonic() - began)
    for s in held:
        s.close()
    for _ in range(100):                    # come and gone
        connect().close()
    answered('after those who went')


def main():
    before = answered('at first')
    statuses()
    in_pieces()
    unread()
    crowd()
    slow()
    after = answered('at last')
    for key, value in before.items():
        assert not key[0].endswith(('_total', '_bucket', '_count')) or after[key] >= value, key


main()

"""opening.py - preface, the three Noise messages, offer and choice, step by step from either side, so that a test can stop,
lie or repeat anywhere. An honest opening is client_open() or server_open()."""
import base64
import hashlib
import os
import socket

import noise
import record
import wire
from stream import Closed, Stream, recv_exact, send_all

PREFACE = bytes.fromhex('7a63700d0a1a0a00' '01' '01') + bytes(6)
BUSY = b'zcp busy\r\n' + bytes(6)
MESSAGE_MAX = 1024
BOOT_ID = '/proc/sys/kernel/random/boot_id'


# The pure-Python AEGIS moves kilobytes a second: it is for the tests that name it.
FAST_FIRST = ['chacha20poly1305', 'aes256gcm', 'aegis256', 'aegis128l']

class Refused(Exception):
    """.fail of REFUSED, or why we will not go on."""

    def __init__(self, fail):
        super().__init__(repr(fail))
        self.fail = fail


# keys: one line `zcp-x25519[-secret] BASE64 comment`
def key_text(public):
    return 'zcp-x25519 ' + base64.b64encode(public).decode()


def key_parse(text):
    words = text.split()
    return base64.b64decode(words[1] if words[0].startswith('zcp-x25519') else words[0], validate=True)


def key_load(path):
    with open(path) as f:
        return key_parse(f.readline())


def frame(message):
    return wire.number(len(message), 2) + message


def recv_frame(sock, first=b''):
    length = int.from_bytes(first + recv_exact(sock, 2 - len(first)), 'little')
    if length > MESSAGE_MAX:
        raise wire.WireError('a handshake message of %d bytes' % length)
    return recv_exact(sock, length)


def _address(name):
    ip = name[0].split('%')[0]
    packed = socket.inet_pton(socket.AF_INET6, ip if ':' in ip else '::ffff:' + ip)
    return packed + wire.number(name[1], 2)


def _is_loopback(address):
    return address[:13] == bytes(10) + b'\xff\xff\x7f' or address[:16] == bytes(15) + b'\x01'


def place(sock, e_i, e_r):
    """Own address, peer's address and the proof of one booted kernel and one handshake; None off loopback."""
    if sock.family == socket.AF_UNIX:           # no addresses, but the name that the listening side is bound to
        with open(BOOT_ID, 'rb') as f:
            return bytes(36) + hashlib.sha512(b'zcp1 place' + f.read(36) + e_i + e_r + os.fsencode(sock.getsockname() or sock.getpeername())).digest()[:32]
    own, peer = _address(sock.getsockname()), _address(sock.getpeername())
    if not (_is_loopback(own) and _is_loopback(peer)):
        return None
    with open(BOOT_ID, 'rb') as f:
        boot = f.read(36)
    return own + peer + hashlib.sha512(b'zcp1 place' + boot + e_i + e_r).digest()[:32]


def mirrors(here, there):
    return bool(here and there) and here == there[18:36] + there[:18] + there[36:]


class ClientOpening:
    def __init__(self, sock, static=None, **noise_options):
        self.sock = sock
        self.noise = noise.Noise(True, PREFACE, static or os.urandom(32), **noise_options)

    def hello(self):
        send_all(self.sock, PREFACE + frame(self.noise.write()))

    def offer(self):
        first = recv_exact(self.sock, 2)
        if first == BUSY[:2]:
            if recv_exact(self.sock, len(BUSY) - 2) == BUSY[2:]:
                raise Refused(wire.Fail(46))
            raise wire.WireError('no zcp')
        self.offered = wire.get_tlvs(self.noise.read(recv_frame(self.sock, first)), {1, 2, 3, 4})
        return self.offered

    def choice(self, suites=None, want='auto', integrity=0):
        """What an honest client answers to the offer: {tag: value}. want: sealed, auto or raw."""
        usable = suites or FAST_FIRST
        offered = [record.BY_ID[i].name for i in self.offered[2] if i in record.BY_ID]
        common = [s for s in usable if s in offered]
        if 1 not in self.offered[1] or not common:
            raise Refused(wire.Fail(4))
        flags, raw, chosen = self.offered[3][0], 0, {}
        here = place(self.sock, self.noise.e_public, self.noise.re)
        if want != 'sealed' and flags & wire.OFFER_ONE_MACHINE and mirrors(here, self.offered.get(5)):
            raw, chosen[5] = 2, here
        if want == 'raw' and flags & wire.OFFER_NETWORK:
            raw = 1
            chosen.pop(5, None)
        return {**chosen, 1: b'\x01', 2: bytes([record.BY_NAME[common[0]].id]), 3: bytes([raw]), 4: bytes([integrity])}

    def choose(self, choice):
        """Sends message 3 with that choice; the stream. carry stays sealed until WELCOME."""
        send_all(self.sock, frame(self.noise.write(wire.put_tlvs(choice))))
        return self.stream(choice)

    def stream(self, choice):
        i2r, r2i, h = self.noise.split()
        tlvs = choice if isinstance(choice, dict) else dict(choice)
        suite = record.BY_ID.get((tlvs.get(2) or b'\x04')[0], record.BY_ID[4])
        integrity = tlvs.get(4, b'\0')[:1] == b'\x01'
        return Stream(self.sock, record.Seal(suite, i2r, h), record.Seal(suite, r2i, h), integrity=int(integrity))


class ServerOpening:
    def __init__(self, sock, static, **noise_options):
        self.sock = sock
        self.noise = noise.Noise(False, PREFACE, static, **noise_options)

    def hello(self):
        preface = recv_exact(self.sock, 16)
        if preface != PREFACE:
            raise wire.WireError('this client speaks something else: %r' % preface)
        message = recv_frame(self.sock)
        if len(message) != 32:
            raise wire.WireError('message 1 has %d bytes' % len(message))
        self.noise.read(message)

    def offer(self, suites=None, flags=wire.OFFER_ONE_MACHINE, twist=None, capabilities=0):
        """Sends message 2. twist(offer) may return another {tag: value}, or bytes."""
        self.noise.e = self.noise.e or os.urandom(32)
        self.noise.e_public = self.noise.e_public or noise.public(self.noise.e)
        self.here = place(self.sock, self.noise.re, self.noise.e_public)
        ids = bytes(record.BY_NAME[s].id for s in suites or FAST_FIRST)
        self.offered = {1: b'\x01', 2: ids, 3: bytes([flags]), 4: wire.number(capabilities, 4)}
        if flags & wire.OFFER_ONE_MACHINE and self.here:
            self.offered[5] = self.here
        sent = twist(dict(self.offered)) if twist else self.offered
        send_all(self.sock, frame(self.noise.write(sent if isinstance(sent, bytes) else wire.put_tlvs(sent))))

    def choice(self):
        """Message 3, checked as a daemon checks it; the stream. .client is the client's key."""
        c = wire.get_tlvs(self.noise.read(recv_frame(self.sock)), {1, 2, 3, 4})
        self.chosen, flags = c, self.offered[3][0]
        raw, integrity = c[3][0], c[4][0]
        if c[1] != b'\x01' or len(c[2]) != 1 or c[2] not in [bytes([i]) for i in self.offered[2]]:
            raise wire.WireError('a choice that was not offered: %r' % c)
        if raw > 2 or raw == 1 and not flags & wire.OFFER_NETWORK or integrity and not (flags & wire.OFFER_NONE and raw == 1):
            raise wire.WireError('a choice that was not offered: %r' % c)
        proved = raw == 2 and bool(flags & wire.OFFER_ONE_MACHINE) and mirrors(self.here, c.get(5))
        self.client = self.noise.rs
        i2r, r2i, h = self.noise.split()
        suite = record.BY_ID[c[2][0]]
        self.reason = 5 if raw == 1 else 4 if proved else 2 if raw else 0
        return Stream(self.sock, record.Seal(suite, r2i, h), record.Seal(suite, i2r, h),
                      carry=wire.CARRY_RAW if raw == 1 or proved else wire.CARRY_SEALED, integrity=integrity)


def client_open(sock, static=None, pin=None, suites=None, want='auto', integrity=0):
    """An honest client up to message 3. pin: the server's key, compared before anything more is sent."""
    opening = ClientOpening(sock, static)
    opening.hello()
    opening.offer()
    if pin is not None and opening.noise.rs != pin:
        raise Refused(wire.Fail(42))
    return opening.choose(opening.choice(suites, want, integrity))


def server_open(sock, static, suites=None, flags=wire.OFFER_ONE_MACHINE):
    opening = ServerOpening(sock, static)
    opening.hello()
    opening.offer(suites, flags)
    return opening.choice(), opening


def connect(port, host='127.0.0.1', timeout=60):
    sock = socket.create_connection((host, port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


__all__ = ['Closed', 'ClientOpening', 'ServerOpening', 'client_open', 'server_open', 'connect', 'Refused', 'PREFACE', 'BUSY']

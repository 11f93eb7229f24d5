#!/usr/bin/python3
"""strangers.py - servers that zcp must not talk to, or not for long: wrong keys, offers that are none, other protocols. TAP.

    strangers.py identity | offers | points | protocols         (T, XDG_CONFIG_HOME, ZCP_BUILD in the environment)
A relay between zcp and the server counts: to a server whose key is not the right one, zcp sends the preface and message 1, 50
bytes in which nothing is its own but a fresh ephemeral key, and then nothing more.
"""
import os
import sys

import harness
import noise
import opening
import wire
from relay import C2S, Relay
from server import Server
from stream import Closed

room, tap = harness.Room(), harness.Tap()
DATA = harness.content(4000)
harness.write(os.path.join(room.path, 'f'), DATA)
HELLO = 50
SEED = bytes(range(32))
KNOWN = os.path.join(os.environ['XDG_CONFIG_HOME'], 'zcp', 'known_hosts')
ME = noise.public(harness.identity())


def case(what, server, statuses, sent=None, args=(), key=None, env=None, words=''):
    """sent: all that may go to the server, in bytes. key: None pins the server's own, '' pins none."""
    server.start()
    dst = os.path.join(room.new(), 'f')
    with Relay(server.port, record=True) as relay:
        pin = ['--host-key=' + (server.key if key is None else key)] if key != '' else []
        r = harness.zcp(*pin, '-P', str(relay.port), *args, '127.0.0.1:f', dst, raw=True, env=env)
    server.stop()
    said = bytes(relay.captured[C2S])
    got = harness.read(dst) if os.path.exists(dst) else None
    good = r.status in statuses and (sent is None or len(said) <= sent) and ME not in said and words in r.text
    good = good and (got == DATA if r.status == 0 else got is None)
    tap.ok(good, what, '%r\nwanted %s%s\nsent %d bytes, may be %s\nserver: %s %s' % (r, statuses, words and ', ' + words, len(said), sent, server.seen, server.errors))
    return server, said


class Acts(Server):
    """act(sock, opening) instead of an honest opening."""
    def __init__(self, act=None, **settings):
        super().__init__(room.path, act=act, **settings)

    def serve(self, sock):
        if not self.act:
            return super().serve(sock)
        self.act(sock)


def identity():
    other = opening.key_text(noise.public(os.urandom(32))).split()[1]
    server, first = case('an unknown host in a script: 41, and nothing but message 1', Acts(), (41,), HELLO, key='')
    tap.ok('message 3' not in server.seen, '... message 3 never came')
    server, second = case('another key than --host-key: 42, and nothing but message 1', Acts(), (42,), HELLO, key=other)
    tap.ok('message 3' not in server.seen, '... message 3 never came')
    tap.ok(first[:18] == second[:18] == opening.PREFACE + b'\x20\0' and first[18:] != second[18:], 'each opening has an ephemeral key of its own')
    server = Acts().start()
    with Relay(server.port) as relay:
        with open(KNOWN, 'a') as f:
            f.write('127.0.0.1:%d zcp-x25519 %s\n' % (relay.port, other))
    server.stop()

    for args in ((), ('--accept-new',)):
        server = Acts().start()
        with Relay(server.port, record=True, port=relay.port) as again:
            r = harness.zcp('-P', str(again.port), *args, '127.0.0.1:f', os.path.join(room.new(), 'f'), raw=True)
        server.stop()
        tap.ok(r.status == 42 and len(again.captured[C2S]) <= HELLO and 'message 3' not in server.seen and 'forget-host' in r.text,
               'a changed key is 42%s, nothing but message 1, and the way out is named' % (''.join(' with ' + a for a in args)), r)
    with open(KNOWN) as f:
        tap.ok(f.read().count('127.0.0.1:%d ' % relay.port) == 1, 'known_hosts is as it was')
    case('the right key: it works', Acts(), (0,))


def offers():
    def offer(twist=None, **how):
        class Offers(Server):
            def open(self, sock):
                o = opening.ServerOpening(sock, self.static)
                o.hello()
                o.offer(twist=twist, **how)
                s = o.choice()
                s.reason = o.reason
                return s
        return Offers(room.path)

    def change(**tags):
        """{tag number: value}; None leaves it out."""
        return lambda o: {k: v for k, v in {**o, **{int(t[1:]): v for t, v in tags.items()}}.items() if v is not None}
    for what, twist, statuses in (
        ('version 2 alone', change(_1=b'\2'), (4,)), ('versions 2 and 1', change(_1=b'\2\1'), (0,)), ('no version', change(_1=b''), (2, 4)),
        ('no suite', change(_2=b''), (2, 4)), ('unknown suites', change(_2=b'\x09\x63'), (4,)), ('unknown suites and ChaCha20-Poly1305', change(_2=b'\x09\4'), (0,)),
        ('tag 1 left out', change(_1=None), (2,)), ('tag 2 left out', change(_2=None), (2,)), ('tag 3 left out', change(_3=None), (2,)), ('tag 4 left out', change(_4=None), (2,)),
        ('raw flags of two bytes', change(_3=b'\0\0'), (2,)), ('a place that is cut', change(_5=bytes(67)), (2,)), ('a place that is another\'s', change(_5=bytes(68)), (0,)),
        ('tags of a later version', change(_200=b'later', _7=b''), (0,)), ('nothing', lambda o: b'', (2,)), ('random bytes', lambda o: harness.content(90, 'offer'), (2,)),
        ('tags in another order', lambda o: wire.put_tlvs(sorted(o.items(), reverse=True)), (2,)), ('a tag twice', lambda o: wire.put_tlvs(sorted(o.items()) + [(5, bytes(68))]), (2,)),
        ('a tag that is cut', lambda o: wire.put_tlvs(o) + b'\x99\x05abc', (2,)),
    ):
        case('an offer of ' + what, offer(twist), statuses, None if 0 in statuses else HELLO)
    case('raw is offered, --encrypt: sealed', offer(flags=3), (0,), args=('--encrypt',))
    case('raw is not offered, --plaintext: status 4', offer(flags=0), (4,), args=('--plaintext',))
    case('--integrity=none is not offered: status 4', offer(flags=1), (4,), args=('--plaintext', '--integrity=none'))

    def busy(sock, what=opening.BUSY):
        opening.recv_exact(sock, HELLO)
        sock.sendall(what)
    case('a daemon that is full: 46', Acts(busy), (46,), HELLO)
    case('nearly what a full daemon says: 2', Acts(lambda s: busy(s, opening.BUSY[:15] + b'!')), (2,), HELLO)


def points():
    """A server that knows no secret of the key it shows, but knows that every product with it is zero."""
    def low(token_e, token_s, point):
        def act(sock):
            o = opening.ServerOpening(sock, SEED)
            o.hello()
            if token_e:
                o.noise.e, o.noise.e_public, o.noise.zeros = SEED, point, ('ee', 'se')
            if token_s:
                o.noise.s_public, o.noise.zeros = point, ('es',)
            o.offer(flags=0)
            opening.recv_exact(sock, 1)
            raise Closed('message 3 came')
        return act
    for point in noise.LOW_ORDER:
        for what, e, s in (('ephemeral', True, False), ('static', False, True)):
            server = Acts(low(e, s, point))
            pin = opening.key_text(point if s else noise.public(SEED)).split()[1]
            case('an %s key of low order, %s' % (what, point.hex()[:16]), server, (2, 43), HELLO, key=pin)


def protocols():
    def says(data, read=HELLO):
        def act(sock):
            opening.recv_exact(sock, read)
            sock.sendall(data)
            sock.shutdown(1)
            while sock.recv(4096):
                pass
        return act

    def reflect(sock):
        hello = opening.recv_exact(sock, HELLO)
        sock.sendall(hello[16:])

    def echo(sock):
        sock.sendall(opening.recv_exact(sock, HELLO))
    for what, act, statuses in (
        ('HTTP', says(b'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'), (2,)), ('SSH', says(b'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n', 0), (2,)),
        ('a TLS alert', says(bytes.fromhex('15030100020246')), (2,)), ('TLS', says(bytes.fromhex('160303007a0200007603033f') + bytes(120)), (2,)), ('rsync', says(b'@RSYNCD: 31.0\n', 0), (2,)),
        ('random bytes', says(harness.content(3000, 'protocol')), (2,)), ('nothing and closes', says(b''), (10,)), ('one byte and closes', says(b'z'), (10, 2)),
        ('its own message 1', reflect, (2, 10)), ('whatever it hears', echo, (2, 10)), ('a message of 65,535 bytes', says(b'\xff\xff' + bytes(70000)), (2,)),
        ('a message of 0 bytes', says(b'\0\0'), (2,)), ('a message that is cut', says(b'\xb8\0' + bytes(100)), (2, 10)), ('a message of zeros', says(b'\xb8\0' + bytes(184)), (2, 43)),
    ):
        case('a peer that says %s' % what, Acts(act), statuses, HELLO)


{'identity': identity, 'offers': offers, 'points': points, 'protocols': protocols}[sys.argv[1]]()
tap.end()

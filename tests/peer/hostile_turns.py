#!/usr/bin/python3
"""hostile_turns.py - a client that lies to the real zcpd in the handshake, and with messages out of turn. TAP.

    hostile_turns.py handshake | turns      (a daemon: ROOT, PORT, HOSTKEY, T: helpers.bash)
"""
import socket
import sys

import harness
import noise
import opening
import wire
from client import Failed
from evil_client import KEY, PORT, case, run
from stream import Closed, Late, send_fin
from wire import Fail, Item

SEED = bytes(range(32))


def turns():
    def plain(data, contents=False):
        def f(c):
            c.s.put_plain(data, contents)
            c.s.get()
        return f
    for name, fields in (('OK', {}), ('WELCOME', dict(carry=1)), ('ENTRIES', {}), ('FILE', dict(flags=1)), ('ATTR', {}), ('END', {}), ('RESEND', dict(length=1)), ('REFUSED', dict(fail=Fail(3))),
                         ('ERROR', dict(fail=Fail(3)))):
        case('a daemon\'s message from the client: ' + name, plain(wire.encode(name, **fields)))
    for what, f in (
        ('a type that is none', plain(b'\x63')), ('type 0', plain(b'\0')), ('type 255', plain(b'\xff' * 9)), ('an empty typed record', plain(b'')), ('contents out of turn', plain(b'x', True)),
        ('SEGMENT_END out of turn', plain(wire.encode('SEGMENT_END', id=1))), ('BYE with a body', plain(wire.encode('BYE') + b'x')),
    ):
        case(what, f)

    def word(value):
        def f(c):
            c.s.raw(value.to_bytes(4, 'little') + bytes(300))
            send_fin(c.s.sock)
            c.s.get()
        return f
    for value in (0, 1, 15, 0x40000000, 0x20000080, 0x01000020, 0x00ffffff, 0x80ffffff, 0x80000000, 0xffffffff):
        case('a record word of %#x' % value, word(value))

    def replay(c):
        sealed = c.s.tx.seal(wire.encode('STAT', id=1, path=b'd'))
        c.s.raw(sealed + sealed)
        c.answer(1, 'ATTR')
        c.s.get()
    case('a record twice', replay)

    def skips(c):
        c.s.put_plain(wire.encode('STAT', id=1, path=b'd'), skipped=True)
        return c.answer(1, 'ATTR')
    case('a record left out, and the next one says so', skips, ('ok',))

    def hides(c):
        c.s.tx.skip()
        c.s.put('STAT', id=1, path=b'd')
        return c.answer(1, 'ATTR')
    case('a record left out', hides)

    def early(c):
        o = opening.ClientOpening(opening.connect(PORT), KEY)
        o.hello()
        o.offer()
        s = o.choose(o.choice(want='sealed'))
        s.put('STAT', id=1, path=b'd')
        try:
            s.expect('WELCOME')
            m = s.get()
            return Failed(m.fail) if m.name == 'ERROR' else m
        finally:
            s.close()
    case('a request before SETUP', early, ('ok', 'error', 'closed'))

    def again(c):
        c.s.put('SETUP')
        m = c.s.get()
        return Failed(m.fail) if m.name == 'ERROR' else m
    case('SETUP twice', again)

    def many(c):
        for k in range(2000):
            c.s.put('CANCEL', id=k)
            c.s.put('WAIT')
        return c.stat(b'd')
    case('thousands of CANCELs and WAITs', many, ('ok', 'closed'))

    def deaf(c):
        """Asks for much and reads nothing, then goes away."""
        c.s.put('FETCH', first=1, items=[Item(0, b'big')] * 50)
        raise Closed('as planned')
    case('a client that asks and never reads', deaf)


def handshake():
    def opened(twist):
        def f(_):
            o = opening.ClientOpening(opening.connect(PORT), KEY)
            try:
                twist(o)
            finally:
                o.sock.close()
        return f

    def first(data):
        def f(o):
            got = b''
            try:
                o.sock.sendall(data)
                o.sock.shutdown(socket.SHUT_WR)
                while piece := o.sock.recv(4096):
                    got += piece
            except OSError as e:                    # closed, perhaps before all was sent; anything but a hang
                if isinstance(e, socket.timeout):
                    raise Late('nothing came') from None
            if got:
                raise wire.WireError('the daemon said %r' % got)
            raise Closed('without a word')
        return f
    e = noise.public(SEED)
    m1 = opening.PREFACE + opening.frame(e)
    for what, data in (
        ('HTTP', b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), ('TLS', bytes.fromhex('16030100c8010000c40303') + bytes(190)), ('SSH', b'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'),
        ('nothing', b''), ('a byte', b'z'), ('15 bytes of the preface', opening.PREFACE[:15]), ('random bytes', harness.content(5000, 'noise')),
        ('another handshake version', opening.PREFACE[:8] + b'\2\1' + bytes(6) + opening.frame(e)), ('NNpsk0', opening.PREFACE[:8] + b'\1\2' + bytes(6) + opening.frame(e)),
        ('a preface that does not end in zeros', opening.PREFACE[:15] + b'\1' + opening.frame(e)), ('message 1 of 0 bytes', opening.PREFACE + b'\0\0'),
        ('message 1 of 31 bytes', opening.PREFACE + opening.frame(e[:31])), ('message 1 with a payload', opening.PREFACE + opening.frame(e + b'x')),
        ('message 1 of 65,535 bytes', opening.PREFACE + b'\xff\xff' + bytes(65535)), ('message 1 cut', m1[:-1]),
    ):
        case('a peer that says %s: closed without a word' % what, opened(first(data)), ('closed',))
    for point in noise.LOW_ORDER:
        def low_e(o):
            o.noise.e, o.noise.e_public, o.noise.zeros = SEED, point, ('ee', 'es')
            o.hello()
            o.offer()
            raise wire.WireError('message 2 came')
        case('an ephemeral key of low order: %s' % point.hex()[:16], opened(low_e), ('closed',))

        def low_s(o):
            o.noise.s_public, o.noise.zeros = point, ('se',)
            o.hello()
            o.offer()
            s = o.choose(o.choice(want='sealed'))
            s.get()
        case('a static key of low order: %s' % point.hex()[:16], opened(low_s), ('closed',))

    def choice(change, data=None):
        def f(o):
            o.hello()
            o.offer()
            c = o.choice(want='sealed')
            c.update(change)
            chosen = {k: v for k, v in c.items() if v is not None}
            if data is not None:
                opening.send_all(o.sock, opening.frame(o.noise.write(data(chosen))))
                s = o.stream(chosen)
            else:
                s = o.choose(chosen)
            s.put('SETUP')
            m = s.expect('WELCOME')
            if m.carry != wire.CARRY_SEALED:
                raise wire.WireError('raw is granted')
        return f
    for what, change in (
        ('version 2', {1: b'\2'}), ('version 0', {1: b'\0'}), ('no version', {1: b''}), ('two versions', {1: b'\1\1'}), ('suite 0', {2: b'\0'}), ('suite 9', {2: b'\x09'}),
        ('no suite', {2: b''}), ('two suites', {2: b'\4\3'}), ('raw by network, not offered', {3: b'\1'}), ('raw 3', {3: b'\3'}), ('raw 255', {3: b'\xff'}),
        ('no integrity, not offered', {4: b'\1'}), ('no integrity, and raw by network', {3: b'\1', 4: b'\1'}), ('integrity 2', {4: b'\2'}),
        ('tag 1 left out', {1: None}), ('tag 2 left out', {2: None}), ('tag 3 left out', {3: None}), ('tag 4 left out', {4: None}), ('a place that is cut', {3: b'\2', 5: bytes(67)}),
    ):
        case('a choice of %s' % what, opened(choice(change)), ('closed',))
    for what, data in (('nothing', lambda c: b''), ('random bytes', lambda c: harness.content(100, 'choice')), ('tags in another order', lambda c: wire.put_tlvs(sorted(c.items(), reverse=True))),
                       ('a tag twice', lambda c: wire.put_tlvs(sorted(c.items()) + [(4, b'\0')])), ('a tag that is cut', lambda c: wire.put_tlvs(c) + b'\x99\x05abc')):
        case('a choice that is %s' % what, opened(choice({}, data)), ('closed',))
    case('raw as one machine without a place is sealed instead', opened(choice({3: b'\2'})), ('ok',))
    case('raw as one machine with another\'s place is sealed instead', opened(choice({3: b'\2', 5: bytes(68)})), ('ok',))
    case('tags of a later version are skipped', opened(choice({200: b'later', 6: bytes(4)})), ('ok',))


run({'turns': turns, 'handshake': handshake}, sys.argv[1])

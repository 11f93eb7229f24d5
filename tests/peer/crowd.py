"""crowd.py - many clients at once, in one process: silent ones, live ones, and what those are told for whom there is no room."""
import os
import select
import socket

import harness
import opening
import wire
from client import Client

BUSY = b'zcp busy\r\n' + bytes(6)
PORT = int(os.environ.get('PORT', '0'))
PIN = opening.key_parse(os.environ['HOSTKEY']) if 'HOSTKEY' in os.environ else None


def silent(source='127.0.0.1', host='127.0.0.1'):
    """A client that connects and says nothing."""
    s = socket.socket(socket.AF_INET)
    s.settimeout(60)
    s.bind((source, 0))
    s.connect((host, PORT))
    return s


def busy(s):
    """Is this one told to come back later, and closed? Waits for its first byte."""
    got = b''
    try:
        while len(got) < 17:
            piece = s.recv(17 - len(got))
            if not piece:
                break
            got += piece
    except ConnectionResetError:
        return False
    return got == BUSY


def waits(s):
    """Nothing has been said to this one yet, nor was it closed."""
    return not select.select([s], [], [], 0)[0]


def closed(s):
    """Ended without a word. Waits for it."""
    try:
        return s.recv(1) == b''
    except ConnectionResetError:
        return True


def live(key=None, source='127.0.0.1'):
    """An authenticated client; opening.Refused when it is not let in."""
    return Client(opening.client_open(silent(source), key or harness.identity(), pin=PIN)).begin()


def refused(key=None, source='127.0.0.1'):
    """(status, why) of the refusal; None: let in."""
    try:
        live(key, source).bye()
    except opening.Refused as e:
        return e.fail.status, e.fail.why
    return None


def until(what):
    """Something that will be so in a moment: a process that has ended is counted until the listener has seen it."""
    for _ in range(2000):
        if what():
            return True
        select.select([], [], [], 0.01)
    return False


def works(source='127.0.0.1'):
    """A client is served from there, now."""
    s = silent(source)
    try:
        c = Client(opening.client_open(s, harness.identity(), pin=PIN)).begin()
    except (opening.Refused, opening.Closed, wire.WireError, OSError):
        return False
    got = c.fetch(b'works')[0] == b'works'
    c.bye()
    return got


def children(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
        return [int(p) for p in f.read().split()]

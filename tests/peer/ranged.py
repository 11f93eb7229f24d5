"""ranged.py - what ranges.py and ranges_hostile.py share: a file, clients that store it by ranges, and what they must be told."""
import os
import sys
import time

import harness
import opening
import wire
from client import Client, Failed
from stream import Closed
from wire import Identity, Meta

MIB = 1 << 20
SIZE = 4 * MIB + 77
DATA = harness.content(SIZE, 'ranges')
META = Meta('f', 0o640, SIZE, 1700000000, 123456789)
WHO = Identity(1, 2, 3, 4)
NAME, READ_ONLY, TOO_MANY, TAKEN, MAX_BYTES = 6, 5, 28, 34, 35
FILLING, STRANGE, RUN_OVER, NOT_HELD, GAPS = 37, 38, 39, 40, 41


def connect(key=None, **how):
    how.setdefault('want', 'sealed')
    return Client.connect(int(os.environ['PORT']), key or harness.identity(), pin=opening.key_parse(os.environ['HOSTKEY']), **how)


def must(condition, what):
    if not condition:
        raise SystemExit('ranges.py: ' + what)


def refused(f, status, why=None):
    """f() is answered with ERROR, and with this one."""
    try:
        f()
    except Failed as e:
        return must(e.fail.status == status and why in (None, e.fail.why), 'refused with %r, not %d %r' % (e.fail, status, why))
    must(False, 'it was let through')


def ended(f):
    try:
        f()
    except Closed:
        return
    must(False, 'the stream goes on')


def at(name=''):
    return os.path.join(os.environ['D'], name)


def stored(name, data=DATA):
    must(harness.read(at(name)) == data, '%s is not what was stored' % name)


def litter(where=''):
    return sorted(n for n in os.listdir(at(where)) if n.startswith('.zcp-'))


def must_be(names, what):
    must(litter() == sorted(names), '%s: %r' % (what, litter()))


def again(path=b'f', meta=META, who=WHO, c=None, **how):
    """A new stream's OPEN_ASIDE, when the last holder's process has ended: (client, ASIDE)."""
    c, end = c or connect(**how), time.monotonic() + 30
    while True:
        try:
            return c, c.open_aside(path, meta, who)
        except Failed as e:
            must(e.fail.status == 46 and time.monotonic() < end, 'opened again: %r' % (e.fail,))


def gone(names):
    """The last holder's process has removed what it held."""
    end = time.monotonic() + 30
    while litter() != names:
        must(time.monotonic() < end, 'left behind: %r' % litter())


def send(c, aside, off, n, path=b'f', **twist):
    return c.send_range(path, aside.run, off, DATA[off:off + n], **twist)


def run(commands):
    commands[sys.argv[1].replace('-', '_')]()
    print('ok')

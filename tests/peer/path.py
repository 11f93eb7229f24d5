#!/usr/bin/python3
"""path.py - names as no honest client sends them, in every request that has one. (a daemon: ROOT, PORT, HOSTKEY, T: helpers.bash)

Sets up nothing by itself: path.bats has furnished ROOT and T/outside. Every request is answered by an error or ends the stream;
T/outside stays as it is and its contents never come.
"""
import os

import harness
import opening
import record
import wire
from client import Client, Failed
from stream import Closed
from wire import Meta

ROOT, OUT = os.environ['ROOT'], os.path.join(os.environ['T'], 'outside')
tap = harness.Tap()
out = os.fsencode(OUT)
ASIDE = b'.zcp-' + b'0123456789abcdef' * 2
CLIMB = [b'..', b'../outside/secret', b'../outside', b'd/../../outside/secret', b'd/..', b'd/../../root/d/f', b'.', b'./d/f', b'd/.', b'd//f', b'd/f/', b'/', b'//',
         out + b'/secret', b'/etc/hostname', out[1:] + b'/secret', b'd/\0f', b'../' * 50 + b'etc/hostname', b'd/' * 2000 + b'f', b'x' * 256, b'...', ASIDE, b'd/' + ASIDE,
         ASIDE + b'/x', ASIDE + b'.j']
LINKS = [b'abs/secret', b'abs-file', b'rel/secret', b'rel-file', b'd/far/secret', b'proc/etc/hostname', b'proc' + out + b'/secret', b'cwd/secret', b'fd/3', b'fd/4/f', b'loop', b'loop/f',
         b'd/up/../outside/secret']


def snapshot(top):
    found = {}
    for where, dirs, names in os.walk(os.fsencode(top)):
        for n in dirs + names:
            p = os.path.join(where, n)
            found[p] = os.readlink(p) if os.path.islink(p) else harness.read(p) if os.path.isfile(p) else os.stat(p).st_mode
    return found


def requests(p):
    m = Meta('f', 0o644)
    # reading first: what stores may replace the link itself
    yield 'FETCH', lambda c: c.fetch(p)[0]
    yield 'STAT', lambda c: c.stat(p, wire.LOOK_FOLLOW)
    yield 'LIST', lambda c: c.list(p, wire.LOOK_RECURSE | wire.LOOK_FOLLOW)
    yield 'STORE', lambda c: c.store(p, b'evil', m)
    yield 'OPEN', lambda c: c.store(p, b'evil' * 50000, m)
    yield 'MKDIR', lambda c: c.mkdir(p)
    yield 'SYMLINK', lambda c: c.symlink(p, b'evil')
    yield 'SETMETA', lambda c: c.setmeta(p, Meta('d', 0o777))


def attempt(f):
    c = Client.connect(int(os.environ['PORT']), harness.identity(), pin=opening.key_parse(os.environ['HOSTKEY']), want='sealed')
    try:
        value = f(c)
        if isinstance(value, Failed):
            raise value
        return 'ok %r' % (value,)
    except Failed as e:
        return 'error %d' % e.fail[0]
    except Closed:
        return 'closed'
    except (wire.WireError, record.RecordError) as e:
        return 'strange %s' % e
    finally:
        c.s.close()


def main():
    before = snapshot(OUT), snapshot(ROOT)
    for p in CLIMB + LINKS:
        for name, f in requests(p):
            did = attempt(f)
            # a link may itself be replaced; what matters is what is behind it
            replaced = p in LINKS and b'/' not in p and name in ('STORE', 'OPEN', 'SYMLINK')
            plain = p == b'...' and name in ('STORE', 'OPEN', 'MKDIR', 'SYMLINK', 'FETCH', 'STAT', 'LIST', 'SETMETA')
            good = did.startswith('error') or did == 'closed' or replaced or plain
            tap.ok(good and 'TOPSECRET' not in did, '%s of %.60r' % (name, p), '%.300s' % did)
            if plain:
                at = os.path.join(os.fsencode(ROOT), p)
                if os.path.isdir(at) and not os.path.islink(at):
                    os.rmdir(at)
                elif os.path.lexists(at):
                    os.unlink(at)
    now = snapshot(OUT), snapshot(ROOT)
    tap.ok(now[0] == before[0], 'nothing outside has changed')
    fresh = {k for k in now[1] if k not in before[1]}
    tap.ok(not fresh, 'nothing new in the root', fresh)
    tap.end()


main()

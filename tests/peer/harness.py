"""harness.py - what the drivers share: TAP, the built zcp as a child, samples that a seed repeats, files and what became of them."""
import os
import stat
import random
import select
import shutil
import subprocess
import sys
import tempfile

import opening

BUILD = os.environ.get('ZCP_BUILD', 'build')
SEED = os.environ.get('ZCP_SEED', '1')
LONG = bool(os.environ.get('ZCP_LONG'))
HANGS = 124


sys.setrecursionlimit(10000)         # trees of a thousand directories in each other are walked here


class Tap:
    """Cases of one test; every failure is said, the end says how many."""

    def __init__(self):
        self.count, self.failures = 0, []

    def ok(self, condition, what, detail=''):
        self.count += 1
        if not condition:
            self.failures.append(what)
            print('not ok %d - %s' % (self.count, what))
            for line in str(detail).splitlines()[:30]:
                print('#   ' + line)
        else:
            print('ok %d - %s' % (self.count, what))
        sys.stdout.flush()
        return condition

    def note(self, text):
        print('# ' + text)

    def end(self):
        print('1..%d' % self.count)
        print('# %d cases, %d failed' % (self.count, len(self.failures)))
        sys.exit(1 if self.failures or not self.count else 0)


def rng(name):
    return random.Random('%s %s' % (SEED, name))


def sample(name, things, n):
    """n of things, the same for the same seed; all of them in a long run."""
    things = list(things)
    if LONG or len(things) <= n:
        return things
    return sorted(rng(name).sample(things, n))


class Result:
    def __init__(self, status, text):
        self.status, self.text = status, text

    def __repr__(self):
        return 'status %s: %s' % (self.status, self.text)


def zcp(*args, port=None, key=None, timeout=100, env=None, raw=False):
    """The built client; 124 when it hangs."""
    command = [os.path.join(BUILD, 'zcp')]
    if not raw:
        command += ['--host-key=' + (key or os.environ['HOSTKEY']), '-P', str(port or os.environ['PORT']), '-j', '1']    # whatever cores there are; a later -j counts
    try:
        p = subprocess.run(command + [os.fspath(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=timeout, env={**os.environ, **(env or {})})
    except subprocess.TimeoutExpired as e:
        return Result(HANGS, (e.stdout or b'').decode('utf-8', 'replace'))
    text = p.stdout.decode('utf-8', 'replace')
    if 'Sanitizer' in text or 'runtime error:' in text or p.returncode < 0:
        return Result('crash %d' % p.returncode, text)
    return Result(p.returncode, text)


def has_suite(name):
    """Does this build offer the suite? Asked of the program: a name that it cannot use is status 4 before any connection."""
    r = zcp('--cipher=' + name, '--host-key=' + 'A' * 43 + '=', '-P', '1', '127.0.0.1:x', '/nonexistent/x', raw=True)
    return r.status != 4


class Room:
    """A directory for one test's files."""

    def __init__(self):
        self.path = tempfile.mkdtemp(dir=os.environ.get('T'))
        self.n = 0

    def new(self, name='d'):
        self.n += 1
        path = os.path.join(self.path, '%s%d' % (name, self.n))
        os.mkdir(path)
        return path

    def drop(self, path):
        shutil.rmtree(path, ignore_errors=True)


def content(size, name='content'):
    return rng(name).randbytes(size)


def write(path, data):
    with open(path, 'wb') as f:
        f.write(data)
    return path


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def snapshot(top):
    """{name: (type, contents)} of everything below, aside files too."""
    found = {}
    top = os.fsencode(top)
    for where, dirs, names in os.walk(top):
        for n in dirs + names:
            p = os.path.join(where, n)
            try:
                found[os.path.relpath(p, top)] = look(p)
            except FileNotFoundError:
                pass            # an aside file that its daemon removed meanwhile
    return found


def look(p):
    kind = os.lstat(p).st_mode
    if stat.S_ISLNK(kind):
        return 'l', os.readlink(p)
    if stat.S_ISDIR(kind):
        return 'd', b''
    return ('f', read(p)) if stat.S_ISREG(kind) else ('o', b'')


def only_right(top, wanted):
    """Nothing stands below under a final name but what is in wanted, complete and identical: (True, '') or (False, what)."""
    for name, (kind, data) in snapshot(top).items():
        base = os.path.basename(name)
        if base.startswith(b'.zcp-') and len(base) >= 37:
            continue
        if wanted.get(name) != (kind, data):
            return False, '%r is there, %s, %d bytes%s' % (name, kind, len(data), '' if name in wanted else ', and is none of the copy')
    return True, ''


def identity():
    """The client's key, as the daemon of this test knows it."""
    return opening.key_load(os.path.join(os.environ['XDG_CONFIG_HOME'], 'zcp', 'identity'))


def wait_children(pid, seconds=60):
    """Until every stream's process has ended: events, not a poll. True if they did."""
    try:
        with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
            children = [int(word) for word in f.read().split()]
    except FileNotFoundError:
        return False
    for child in children:
        try:
            fd = os.pidfd_open(child)
        except ProcessLookupError:
            continue
        gone = select.select([fd], [], [], seconds)[0]
        os.close(fd)
        if not gone:
            return False
    return True

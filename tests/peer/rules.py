#!/usr/bin/python3
"""rules.py - rsync beside zcp's rules: what the driver tests/unit/rules.c would copy, and what rsync copies, must be the same names.

    rules.py table                  each verdict of tests/unit/patterns.h, asked of rsync
    rules.py patterns SEED COUNT    random lists of up to three patterns, each name of a random tree judged by itself
    rules.py refused SEED COUNT     random patterns that zcp refuses: rsync leaves out nothing for them
    rules.py trees SEED COUNT       random options over random trees: rsync -rl really copies
    rules.py options TREE OPTION... the same for one tree and command line

A directory of the test's own is in T, the programs in ZCP_BUILD. Prints "# N cases, N failed" and what differs; status 1 then.
"""
import os
import random
import re
import shutil
import subprocess
import sys

T, DRIVER = os.fsencode(os.environ['T']), os.fsencode(os.environ['ZCP_BUILD']) + b'/unit/rules'
PARTS = [b'a', b'b', b'ab', b'aa', b'ba', b'a.b', b'.a', b'foo', b'bar', b'*', b'?', b'[', b']', b'\\', b'\xff', b'\x80a', b'a b', b' ', b'-', b'!',
         b'^', b'\n', b'\r', '\u00e9'.encode(), b'+', b'#x', b';y', b'a\\b', b'[a]', b'**', b'A', b'Z9', b'\t', b'...', b'a]', b'-a', b'~', b'\x7f',
         b'\x01', b'- a', b'+ b', b'\\#101', b'_']
MEMBERS = [b'a', b'b', b'-', b']', b'\\]', b'\\\\', b'a-b', b'a-z', b'A-\\z', b'z-a', b'\xff', b'\x80-\xff', b'/', b'*', b'?', b'[', b'[:', b':', b'!', b'^',
           b'.', b'[:x:]', b'[:]'] + [b'[:%s:]' % c for c in b'alnum alpha blank cntrl digit graph lower print punct space upper xdigit'.split()]
PIECES = [b'a', b'b', b'*', b'*', b'**', b'***', b'/', b'/', b'?', b'.', b'\\', b'foo', b'\\*', b'\\[', b'[a]', b'\xff', b' ', b'-', b'+', b'!']
cases = failed = 0


def case(good, *words):
    global cases, failed
    cases += 1
    failed += not good
    if not good:
        print('not the same:', *words)


def run(*argv, **more):
    done = subprocess.run(argv, capture_output=True, **more)
    if done.returncode:
        sys.exit('%r: status %d: %r' % (argv, done.returncode, done.stderr))
    return done.stdout


def driver(*argv, **more):
    return run(DRIVER, *argv, **more)


def make_tree(top, entries):
    """entries: {path: b'd', b'f' or b'l'}; what stands in the way of another is left away. Returns those that are there, and all above them."""
    shutil.rmtree(top, ignore_errors=True)
    os.makedirs(top)
    for path, kind in entries.items():
        full = top + b'/' + path
        try:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            if kind == b'd':
                os.makedirs(full, exist_ok=True)
            elif kind == b'l':
                os.symlink(b'.', full)
            else:
                os.close(os.open(full, os.O_CREAT | os.O_EXCL, 0o600))
        except (FileExistsError, NotADirectoryError):
            pass
    return names_of(top)


def names_of(top):
    found = {}
    for where, dirs, files in os.walk(top):
        for name in dirs + files:
            full = os.path.join(where, name)
            found[os.path.relpath(full, top)] = b'd' if os.path.isdir(full) and not os.path.islink(full) else b'f'
    return found


def rsync_judges(top, names, *options):
    """The names that rsync takes when each is asked for by itself: with no directory above it in the way."""
    said = run(b'rsync', b'-0nl', b'--no-implied-dirs', b'--files-from=-', b'--out-format=%n%L', *options, top, T + b'/nowhere',
               input=b''.join(b'./' + n + b'\0' for n in names))
    plain = [re.sub(rb'\\#([0-7]{3})', lambda m: bytes([int(m[1], 8)]), re.sub(rb' -> \.$', b'', line)) for line in said.split(b'\n') if line]
    return {line.rstrip(b'/') for line in plain}


def we_judge(names, *options):
    verdicts = driver(b'judge', *options, input=b''.join(kind + n + b'\0' for n, kind in names.items()))
    assert len(verdicts) == len(names)
    return {n for n, v in zip(names, verdicts) if v == ord('+')}


def differ(what, ours, rsyncs):
    case(ours == rsyncs, what, 'zcp alone copies', sorted(ours - rsyncs)[:5], 'rsync alone', sorted(rsyncs - ours)[:5])


# -- random names and patterns

def random_tree(r, count):
    return make_tree(T + b'/tree', {b'/'.join(r.choice(PARTS) for _ in range(r.choice([1, 1, 2, 2, 3, 4]))): r.choice([b'd', b'f', b'f', b'l'])
                                    for _ in range(count)})


def random_set(r):
    return b'[' + r.choice([b'', b'', b'!', b'^']) + b''.join(r.choice(MEMBERS) for _ in range(r.randint(1, 4))) + (b']' if r.random() < .9 else b'')


def random_byte(r, c):
    x = r.random()
    return c if x < .55 else b'?' if x < .63 else b'*' if x < .72 else random_set(r) if x < .8 else b'\\' + c if x < .87 else b'**' if x < .93 else b'*' + c


def random_pattern(r, names):
    if r.random() < .6:
        parts = r.choice(names).split(b'/')
        middle = b''.join(random_byte(r, bytes([c])) for c in b'/'.join(parts[r.randrange(len(parts)):]))
    else:
        middle = b''.join(r.choice(PIECES) if r.random() < .9 else random_set(r) for _ in range(r.randint(1, 6)))
    front = r.choices([b'', b'/', b'**/', b'**'], [76, 12, 8, 4])[0]
    return front + middle + r.choices([b'', b'/', b'/***', b'***', b'/**'], [65, 15, 10, 5, 5])[0]


def random_patterns(r, names, count):
    """Two lists: what zcp understands, and what it refuses."""
    all_of = [random_pattern(r, names) for _ in range(count)]
    verdicts = driver(b'accepts', input=b''.join(p + b'\0' for p in all_of))
    return [p for p, v in zip(all_of, verdicts) if v == ord('+')], [p for p, v in zip(all_of, verdicts) if v == ord('-')]


# -- what is compared

def beside(path, kind, others):
    """Can it stand in one tree with the others?"""
    return not any(q == path or (k == b'f' and path.startswith(q + b'/')) or (kind == b'f' and q.startswith(path + b'/')) for q, (k, _) in others.items())


def ask_of(pattern, rows):
    """rows: [(path, kind, left out)]. In as few trees as they fit in."""
    while rows:
        fits, later = {}, []
        for path, kind, out in rows:
            if beside(path, kind, fits):
                fits[path] = kind, out
            else:
                later.append((path, kind, out))
        make_tree(T + b'/tree', {path: kind for path, (kind, _) in fits.items()})
        taken = rsync_judges(T + b'/tree', fits, b'--exclude=- ' + pattern)
        for path, (kind, out) in fits.items():
            case((path not in taken) == out, pattern, path, kind, 'the table says', 'matches' if out else 'does not match')
        rows = later


def table():
    for group in driver(b'table').split(b'\0P'):
        pattern, *rows = group.removeprefix(b'P').rstrip(b'\0').split(b'\0')
        ask_of(pattern, [(row[2:], row[1:2], row[:1] == b'y') for row in rows])


def patterns(seed, count):
    r = random.Random(seed)
    names = random_tree(r, 250)
    understood, _ = random_patterns(r, sorted(names), count)
    for i in range(0, len(understood), 2):
        chosen = [r.choice([b'--exclude=- ', b'--exclude=- ', b'--include=+ ']) + p for p in understood[i:i + r.randint(1, 3)]]
        differ(chosen, we_judge(names, *chosen), rsync_judges(T + b'/tree', names, *chosen))


def refused(seed, count):
    r = random.Random(seed)
    names = random_tree(r, 250)
    _, wrong = random_patterns(r, sorted(names), count)
    for i in range(0, len(wrong), 20):
        with open(T + b'/list', 'wb') as f:
            f.write(b''.join(b'- ' + p + b'\0' for p in wrong[i:i + 20]))
        differ(wrong[i:i + 20], set(names), rsync_judges(T + b'/tree', names, b'--exclude-from=' + T + b'/list'))


def compare_copies(tree, options):
    shutil.rmtree(T + b'/copy', ignore_errors=True)
    run(b'rsync', b'-rl', *options, tree + b'/.', T + b'/copy')
    differ(options, set(driver(b'walk', tree, *options).split(b'\0')[:-1]), set(names_of(T + b'/copy')) if os.path.isdir(T + b'/copy') else set())


def random_list(r, some, ended_by_nul):
    lines = []
    for p in some:
        if ended_by_nul or not re.search(rb'[\r\n]', p):
            lines.append(r.choice([b'- ', b'- ', b'+ ']) + p if r.random() < .4 or p[:2] in (b'- ', b'+ ') or p == b'!' else p)
    lines += r.choices([b'', b'#a', b';*', b'!'], [4, 3, 3, 1], k=2)
    r.shuffle(lines)
    return b''.join(line + (b'\0' if ended_by_nul else r.choice([b'\n', b'\r', b'\r\n'])) for line in lines)


def random_options(r, some):
    options, ended_by_nul, lists = [], False, 0
    while some:
        what = r.choice([b'--include', b'--exclude', b'--exclude', b'--include-from', b'--exclude-from', b'-0'])
        if what == b'-0':
            ended_by_nul = True
            options.append(what)
        elif what.endswith(b'from'):
            lists += 1
            name = T + b'/list%d' % lists
            with open(name, 'wb') as f:
                f.write(random_list(r, [some.pop() for _ in range(min(len(some), r.randint(1, 4)))], ended_by_nul))
            options.append(what + b'=' + name)
        else:
            p = some.pop()
            options.append(what + b'=' + (r.choice([b'- ', b'+ ']) if p[:2] in (b'- ', b'+ ') or r.random() < .1 else b'') + p)
    if not lists:                       # zcp refuses it then, rsync ignores it
        options = [o for o in options if o != b'-0']
    return options


def trees(seed, count):
    r = random.Random(seed)
    for _ in range(count):
        names = random_tree(r, 60)
        some, _ = random_patterns(r, sorted(names), r.randint(2, 14))
        compare_copies(T + b'/tree', random_options(r, some))


what, rest = sys.argv[1], [os.fsencode(a) for a in sys.argv[2:]]
if what == 'table':
    table()
elif what == 'options':
    compare_copies(rest[0], rest[1:])
else:
    {'patterns': patterns, 'refused': refused, 'trees': trees}[what](rest[0].decode(), int(rest[1]))
print('# %d cases, %d failed; rsync %s' % (cases, failed, run(b'rsync', b'--version').split()[2].decode()))
sys.exit(1 if failed or not cases else 0)

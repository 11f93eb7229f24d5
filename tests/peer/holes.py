#!/usr/bin/python3
"""holes.py - where files have data and where they have none: found, kept, compared, made.

    holes.py make FILE SIZE FROM+LENGTH...      a file of that size with random bytes in those places alone (K, M, G, T of 1024)
    holes.py map FILE                           its data, as FROM+LENGTH on a line each
    holes.py same FILE FILE                     same size, bytes and map? What differs is said. Of directories: all files of the first
"""
import os
import random
import re
import sys

ALIGN = 4096
PIECE = 1 << 20


def data_of(fd, size=None):
    """[(from, end)]: the extents of data, as the file system has them."""
    size = os.fstat(fd).st_size if size is None else size
    found, at = [], 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:                     # nothing from there on
            break
        at = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        if start < size:
            found.append((start, at))
    return found


def holes_of(fd, size=None):
    """What is between them, cut to whole blocks, as the wire has it."""
    size = os.fstat(fd).st_size if size is None else size
    holes, at = [], 0
    for start, end in data_of(fd, size) + [(size, size)]:
        start = start if start == size else start // ALIGN * ALIGN
        if start > at:
            holes.append((at, start))
        at = min(-(-end // ALIGN) * ALIGN, size)
    return holes


def parts(offset, end, holes):
    """[(from, end, is it a hole)] of [offset, end), in order."""
    out, at = [], offset
    for a, b in holes:
        a, b = max(a, offset), min(b, end)
        if a >= b:
            continue
        if a > at:
            out.append((at, a, False))
        out.append((a, b, True))
        at = b
    return out + ([(at, end, False)] if at < end else [])


def write(path, data, holes):
    """The bytes, but for the holes."""
    with open(path, 'wb') as f:
        for at, end, hole in parts(0, len(data), sorted(holes)):
            if not hole:
                f.seek(at)
                f.write(data[at:end])
        f.truncate(len(data))


def number(text):
    digits, unit = re.fullmatch(r'(\d+)([KMGT]?)', text).groups()
    return int(digits) << {'': 0, 'K': 10, 'M': 20, 'G': 30, 'T': 40}[unit]


def make(path, size, places):
    r = random.Random(path.rsplit('/', 1)[-1] + os.environ.get('ZCP_SEED', '1'))
    with open(path, 'wb') as f:
        for at, length in places:
            f.seek(at)
            for i in range(0, length, PIECE):
                f.write(r.randbytes(min(PIECE, length - i)))
        f.truncate(size)


def differ(a, b):
    """Nothing, or what is not the same."""
    with open(a, 'rb') as f, open(b, 'rb') as g:
        sizes = [os.fstat(x.fileno()).st_size for x in (f, g)]
        if sizes[0] != sizes[1]:
            return 'sizes %d and %d' % tuple(sizes)
        maps = [data_of(x.fileno()) for x in (f, g)]
        for start, end in sorted(maps[0] + maps[1]):
            for at in range(start, end, PIECE):
                n = min(PIECE, end - at)
                if os.pread(f.fileno(), n, at) != os.pread(g.fileno(), n, at):
                    return 'bytes from %d on' % at
        if maps[0] != maps[1]:
            return 'maps %r and %r' % (maps[0][:20], maps[1][:20])
    return ''


def main():
    command, path, args = sys.argv[1], sys.argv[2], sys.argv[3:]
    if command == 'make':
        make(path, number(args[0]), [tuple(number(n) for n in place.split('+')) for place in args[1:]])
    elif command == 'map':
        with open(path, 'rb') as f:
            for start, end in data_of(f.fileno()):
                print('%d+%d' % (start, end - start))
    else:
        names = os.listdir(path) if os.path.isdir(path) else ['']
        for name in names:
            a, b = (os.path.join(x, name) if name else x for x in (path, args[0]))
            what = differ(a, b)
            if what:
                raise SystemExit('%s, %s: %s' % (a, b, what))
        if not names:
            raise SystemExit('%s is empty' % path)


if __name__ == '__main__':
    main()

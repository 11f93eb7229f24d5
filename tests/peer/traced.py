#!/usr/bin/python3
"""traced.py - zcp --bench --json against strace -ff -ttt: are the calls that it has counted the calls that were made?

    traced.py OUT PREFIX     OUT: what it wrote (one round); PREFIX.PID: the traces. Says how many sides of how many engines were compared.

Each process that takes part in a cell looks at its usage twice (getrusage), right beside its counts: what lies between is the cell. In the order of these looks a cell is zcpd's stream, then
the client. Compared is every call by name, but for what moves no contents and is not counted: memory of malloc's own (mappings that are not of a file, and what is done to them), read and write
of other things than pipes and files that are poured (logs), ioctl of other kinds than FICLONE.
"""
import glob
import json
import re
import sys

CALLS = ['pread64', 'pwrite64', 'read', 'write', 'sendto', 'recvfrom', 'poll', 'sendfile', 'splice', 'mmap', 'munmap', 'madvise', 'fallocate', 'copy_file_range', 'lseek', 'preadv2']
LINE = re.compile(r'^(\d+\.\d+) (\w+)\((.*)$')


def window(path):
    """(when it began, {call: how often}) between a process's two looks at its own usage; None: it took none."""
    began, looks, counts, ours = None, 0, {}, set()
    for line in open(path, encoding='utf-8', errors='replace'):
        m = LINE.match(line)
        if not m:
            continue
        when, call, rest = m.groups()
        if call == 'getrusage' and rest.startswith('RUSAGE_SELF'):
            looks += 1
            began = began or float(when)
            continue
        first = rest.split(',')[0].rstrip(')')
        if call == 'mmap':
            if 'MAP_SHARED' not in rest or 'MAP_ANONYMOUS' in rest:
                continue
            ours.add(rest.rsplit('= ', 1)[1].strip())
        elif call in ('munmap', 'madvise') and first not in ours:
            continue
        if call == 'munmap':
            ours.discard(first)
        if looks == 1 and call in CALLS:
            counts[call] = counts.get(call, 0) + 1
    return (began, counts) if looks == 2 else None


def main(out, prefix):
    rows = [json.loads(line) for line in open(out) if '"type":"bench"' in line]
    size = next(json.loads(line) for line in open(out) if '"type":"machine"' in line)['size']
    windows = [w for w in map(window, glob.glob(prefix + '.*')) if w]
    windows = [counts for _, counts in sorted(windows, key=lambda w: w[0])]
    # one of a baseline that looks at itself (cp looks at its child), two of a cell; the round before counts, too
    needs = [0 if r['why'] or r['name'] == 'cp(1)' else 1 if r['send'] is None else 2 for r in rows]
    skipped, seen, senders, receivers = sum(needs), 0, set(), set()
    for row, need in zip(rows, needs):
        mine = windows[skipped + seen:skipped + seen + need]
        seen += need
        for side, counts in zip(('sender', 'receiver'), mine):
            said = {name: n * size / (1 << 30) for name, n in row[side]['calls'].items()}
            assert said == counts, '%s, %s: counted %r, traced %r' % (row['name'], side, said, counts)
            assert abs(row[side]['mode_switches'] * size / (1 << 30) - 2 * sum(counts.values())) < 1e-6, 'two switches for a call: %r' % row
        if need == 2:
            senders.add((row['send'], row['carry'], row['mac']))
            receivers.add((row['recv'], row['carry'], row['mac']))
    assert len(mine) == need and seen, 'windows: %d of %d' % (len(windows), skipped + seen)
    print(len(senders), len(receivers))


main(*sys.argv[1:])

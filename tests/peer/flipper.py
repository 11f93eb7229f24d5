#!/usr/bin/python3
"""flipper.py A B: exchanges the two names (RENAME_EXCHANGE) again and again until its standard input ends; prints how often."""
import ctypes
import os
import select
import sys

libc = ctypes.CDLL(None, use_errno=True)
a, b = os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2])
n = 0
print('ready', flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for _ in range(50):
        if libc.renameat2(-100, a, -100, b, 2) < 0:
            raise OSError(ctypes.get_errno(), 'renameat2')
        n += 1
if n % 2:
    libc.renameat2(-100, a, -100, b, 2)
print(n)

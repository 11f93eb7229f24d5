#!/usr/bin/python3
"""removing.py - REMOVE and LINK as no honest client sends them: one request on a stream of its own, and what is answered. (a daemon: PORT, HOSTKEY, XDG_CONFIG_HOME: helpers.bash)

    removing.py remove PATH | rmdir PATH | link PATH TO     prints "ok FLAGS" or "error STATUS"
"""
import os
import sys

import harness
import opening
from client import Client, Failed

command, *names = sys.argv[1:]
path, *to = (os.fsencode(n) for n in names)
c = Client.connect(int(os.environ['PORT']), harness.identity(), pin=opening.key_parse(os.environ['HOSTKEY']), want='sealed')
id_ = c.next_id()
if command == 'link':
    c.s.put('LINK', id=id_, path=path, to=to[0])
else:
    c.s.put('REMOVE', id=id_, directory=int(command == 'rmdir'), path=path)
try:
    print('ok', c.answer(id_).flags)
except Failed as e:
    print('error', e.fail.status)
c.bye()

"""besides.py - what files have besides contents, mode and times, as ext (zcp-wire(7) EXTRAS): read of a path, set on another.

    read(path, wanted) -> [(tag, value)]        write(path, ext, wanted) -> OK's flags        wanted: SETUP's flags
"""
import grp
import os
import pwd
import stat

import wire

ACCESS, DEFAULT = 'system.posix_acl_access', 'system.posix_acl_default'


def short(name):
    return wire.number(len(name), 1) + name


def owner(uid, gid, user=b'', group=b''):
    return wire.EXTRA_OWNER, wire.number(uid, 4) + wire.number(gid, 4) + short(user) + short(group)


def attribute(name, value):
    return wire.EXTRA_XATTR, short(name) + value


def links_of(st):
    return wire.EXTRA_LINKS, wire.number(st.st_dev, 8) + wire.number(st.st_ino, 8) + wire.number(st.st_nlink, 4)


def known(get, number):
    try:
        return os.fsencode(get(number)[0])
    except KeyError:
        return b''


def owner_of(st):
    return owner(st.st_uid, st.st_gid, known(pwd.getpwuid, st.st_uid), known(grp.getgrgid, st.st_gid))


def get(path, name):
    try:
        return os.getxattr(path, name)
    except OSError:
        return None


def user_names(path):
    return [n for n in map(os.fsencode, os.listxattr(path)) if n.startswith(b'user.')]


def read(path, wanted):
    st = os.lstat(path)
    ext = [owner_of(st)] if wanted & wire.SETUP_OWNERS else []
    if wanted & wire.SETUP_LINKS and st.st_nlink > 1 and not stat.S_ISDIR(st.st_mode):
        ext.append(links_of(st))
    if stat.S_ISLNK(st.st_mode):
        return ext
    if wanted & wire.SETUP_ACLS:
        for tag, name in (wire.EXTRA_ACL, ACCESS), (wire.EXTRA_DEFAULT_ACL, DEFAULT):
            value = get(path, name)
            ext += [(tag, value)] if value is not None else []
    if wanted & wire.SETUP_XATTRS:
        ext += [attribute(n, os.getxattr(path, n)) for n in user_names(path)]
    return ext


def name_and_value(value):
    return value[1:1 + value[0]], value[1 + value[0]:]


def write_xattrs(path, ext):
    want = dict(name_and_value(v) for tag, v in ext if tag == wire.EXTRA_XATTR)
    for name in user_names(path):
        if name not in want:
            os.removexattr(path, name)
    for name, value in want.items():
        if not name.startswith(b'user.'):
            raise OSError('not the user\'s')
        os.setxattr(path, name, value)


def write_acls(path, ext):
    for tag, name in (wire.EXTRA_ACL, ACCESS), (wire.EXTRA_DEFAULT_ACL, DEFAULT):
        value = dict(ext).get(tag)
        if value is not None:
            os.setxattr(path, name, value)
        elif get(path, name) is not None:
            os.removexattr(path, name)


def write(path, ext, wanted):
    missed = 0
    for kind, f, flag in (wire.SETUP_XATTRS, write_xattrs, wire.OK_NO_XATTRS), (wire.SETUP_ACLS, write_acls, wire.OK_NO_ACLS):
        try:
            if wanted & kind:
                f(path, ext)
        except OSError:
            missed |= flag
    if wanted & wire.SETUP_OWNERS:
        value = dict(ext)[wire.EXTRA_OWNER]
        os.chown(path, int.from_bytes(value[:4], 'little'), int.from_bytes(value[4:8], 'little'), follow_symlinks=False)
    return missed

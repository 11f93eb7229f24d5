/* foreign.c - see foreign.h */
#include "zcp/cli/foreign.h"

#include "common/err.h"

#define NOT_YET   "this version of zcp does not have it yet: "
#define LEAVE     "leave it away"
#define COMPRESS  "zcp does not compress: " LEAVE
#define SSH       "zcp does not go through ssh: it talks to a zcpd on that host"
#define DELETES   "--delete removes when all has been copied, and only then: type that"
#define OWNERS    "-a keeps owners and groups where root receives; zcpd gives files to nobody. -p keeps modes and times"
#define MAPPED    "-a keeps owners and groups where root receives, by name, or by number with --numeric-ids: chown them afterwards"
#define DELTA     "zcp sends whole files, there is nothing to tune: " LEAVE
#define CHOOSE    NOT_YET "name the files to copy one by one, or by a pattern: 'host:dir/*.c'"
#define RULES     "zcp has no rules of that kind: --include=PATTERN and --exclude=PATTERN, or --include-from and --exclude-from, say what is copied"
#define PARTIAL   "an interrupted copy goes on from a file beside the destination, which gets its name when it is complete: " LEAVE
#define ALWAYS    "zcp always does: " LEAVE
#define NOT_HERE  "zcp has nothing like it: " LEAVE
#define TEXT      NOT_YET "-v says what was copied, and the exit status how it ended"
#define LINKS     "-a keeps symbolic links as links, without it they are followed"

const struct foreign foreign_options[] = {
	/* of zcp's own contract, to come */
	{ 'C', "compress",         ST_CANNOT, COMPRESS },
	{ 0,   "fsync",            ST_USAGE,  NOT_YET "type `sync` after the copy" },
	{ 0,   "bench",            ST_USAGE,  NOT_YET "`make bench` in its source measures it" },
	{ 0,   "ssh",              ST_USAGE,  SSH },
	{ 'b', "backup",           ST_USAGE,  NOT_YET "rename what is to be kept first" },
	/* scp */
	{ 'c', NULL,               ST_USAGE,  "name ciphers with --cipher=LIST (in rsync -c is --checksum: type that)" },
	{ 'J', NULL,               ST_USAGE,  "zcp makes no jumps: forward a port with ssh -L and name it with -P" },
	{ 'o', NULL,               ST_USAGE,  "zcp has no ssh options (in rsync -o keeps owners: -a does, where root receives): zcp --help lists its own" },
	{ 'S', NULL,               ST_USAGE,  SSH " (in rsync -S is --sparse: zcp always keeps holes)" },
	{ 'D', NULL,               ST_USAGE,  "devices and FIFOs are not copied, and there is no SFTP server to name: " LEAVE },
	{ 'O', NULL,               ST_USAGE,  "there is only one protocol: " LEAVE },
	{ 's', NULL,               ST_USAGE,  "there is only one protocol, and names are never split: " LEAVE },
	{ 'R', "relative",         ST_USAGE,  "zcp does not copy between two hosts, nor make parent directories: make them, and copy through here" },
	{ 'T', NULL,               ST_USAGE,  "zcp checks every name it is sent, always: " LEAVE },
	{ '1', NULL,               ST_USAGE,  "there is no such version of the protocol: " LEAVE },
	{ '2', NULL,               ST_USAGE,  "there is no such version of the protocol: " LEAVE },
	{ '3', NULL,               ST_USAGE,  "zcp does not copy between two hosts: copy to here first, and from here then" },
	/* rsync: letters */
	{ 'z', NULL,               ST_CANNOT, COMPRESS },
	{ 'h', "human-readable",   ST_USAGE,  "sizes are always for people to read; for help type zcp --help" },
	{ 'e', "rsh",              ST_USAGE,  SSH },
	{ 'f', "filter",           ST_USAGE,  RULES },
	{ 'd', "dirs",             ST_USAGE,  "-r copies directories with what is in them: there is no half of it" },
	{ 'L', "copy-links",       ST_USAGE,  LINKS },
	{ 'k', "copy-dirlinks",    ST_USAGE,  LINKS },
	{ 'K', "keep-dirlinks",    ST_USAGE,  "a link is never followed inside a destination: name the directory itself" },
	{ 'E', "executability",    ST_USAGE,  "a new file's mode is the source's; -p keeps it for existing ones too" },
	{ 'g', "group",            ST_USAGE,  OWNERS },
	{ 't', "times",            ST_USAGE,  "-p keeps times and modes" },
	{ 'U', "atimes",           ST_USAGE,  "times of last access are not copied; -p keeps those of modification" },
	{ 'N', "crtimes",          ST_USAGE,  "times of creation cannot be set; -p keeps those of modification" },
	{ 'W', "whole-file",       ST_USAGE,  ALWAYS },
	{ 'm', "prune-empty-dirs", ST_USAGE,  "empty directories are copied: " LEAVE },
	{ 'M', "remote-option",    ST_USAGE,  "zcpd has its own options, given where it is started" },
	{ 'y', "fuzzy",            ST_USAGE,  DELTA },
	{ '8', "8-bit-output",     ST_USAGE,  "names that cannot be shown are shown as \\xNN: " LEAVE },
	{ 'w', NULL,               ST_USAGE,  NOT_HERE },
	{ 'G', NULL,               ST_USAGE,  NOT_HERE },
	/* rsync: words */
	{ 0,   "delete-before",    ST_USAGE,  DELETES },
	{ 0,   "delete-during",    ST_USAGE,  DELETES },
	{ 0,   "del",              ST_USAGE,  DELETES },
	{ 0,   "delete-after",     ST_USAGE,  DELETES },
	{ 0,   "delete-delay",     ST_USAGE,  DELETES },
	{ 0,   "delete-missing-args", ST_USAGE, NOT_HERE },
	{ 0,   "remove-source-files", ST_USAGE, "zcp never removes sources: remove them yourself when it ended with 0" },
	{ 0,   "force",            ST_USAGE,  "a directory never makes way for a file: remove it yourself" },
	{ 0,   "max-delete",       ST_USAGE,  "-n with --delete says first what would be removed" },
	{ 0,   "partial-dir",      ST_USAGE,  PARTIAL },
	{ 0,   "append",           ST_USAGE,  PARTIAL },
	{ 0,   "append-verify",    ST_USAGE,  PARTIAL },
	{ 0,   "inplace",          ST_USAGE,  "a file is replaced only when it is complete: " LEAVE },
	{ 0,   "delay-updates",    ST_USAGE,  "a file is replaced only when it is complete: " LEAVE },
	{ 0,   "temp-dir",         ST_USAGE,  "incomplete files stand beside the complete ones, so that a rename finishes them: " LEAVE },
	{ 0,   "no-whole-file",    ST_USAGE,  DELTA },
	{ 0,   "block-size",       ST_USAGE,  DELTA },
	{ 0,   "compare-dest",     ST_USAGE,  DELTA },
	{ 0,   "copy-dest",        ST_USAGE,  DELTA },
	{ 0,   "link-dest",        ST_USAGE,  DELTA },
	{ 0,   "modify-window",    ST_USAGE,  "times are the same or not; --size-only compares sizes alone" },
	{ 0,   "ignore-non-existing", ST_USAGE, "it is called --existing here" },
	{ 0,   "cvs-exclude",      ST_USAGE,  RULES },
	{ 0,   "links",            ST_USAGE,  LINKS },
	{ 0,   "copy-unsafe-links", ST_USAGE, LINKS },
	{ 0,   "safe-links",       ST_USAGE,  LINKS },
	{ 0,   "munge-links",      ST_USAGE,  LINKS },
	{ 0,   "perms",            ST_USAGE,  "-p keeps modes and times" },
	{ 0,   "owner",            ST_USAGE,  OWNERS },
	{ 0,   "chown",            ST_USAGE,  MAPPED },
	{ 0,   "usermap",          ST_USAGE,  MAPPED },
	{ 0,   "groupmap",         ST_USAGE,  MAPPED },
	{ 0,   "super",            ST_USAGE,  OWNERS },
	{ 0,   "fake-super",       ST_USAGE,  OWNERS },
	{ 0,   "chmod",            ST_USAGE,  "new files get the source's mode below your umask: chmod them afterwards" },
	{ 0,   "omit-dir-times",   ST_USAGE,  NOT_HERE },
	{ 0,   "omit-link-times",  ST_USAGE,  NOT_HERE },
	{ 0,   "sparse",           ST_USAGE,  "zcp always keeps holes: " LEAVE },
	{ 0,   "preallocate",      ST_USAGE,  "zcp does from 8 MiB on: " LEAVE },
	{ 0,   "devices",          ST_USAGE,  "devices and FIFOs are not copied: " LEAVE },
	{ 0,   "specials",         ST_USAGE,  "devices and FIFOs are not copied: " LEAVE },
	{ 0,   "copy-devices",     ST_USAGE,  "devices and FIFOs are not copied: " LEAVE },
	{ 0,   "write-devices",    ST_USAGE,  "zcp writes into a device only when it is DST itself: " LEAVE },
	{ 0,   "mkpath",           ST_USAGE,  "make the directory first: zcp makes only what it copies" },
	{ 0,   "implied-dirs",     ST_USAGE,  NOT_HERE },
	{ 0,   "compress-level",   ST_CANNOT, COMPRESS },
	{ 0,   "compress-choice",  ST_CANNOT, COMPRESS },
	{ 0,   "skip-compress",    ST_CANNOT, COMPRESS },
	{ 0,   "zc",               ST_CANNOT, COMPRESS },
	{ 0,   "zl",               ST_CANNOT, COMPRESS },
	{ 0,   "checksum-choice",  ST_USAGE,  "--cipher and --integrity say how bytes are checked" },
	{ 0,   "rsync-path",       ST_USAGE,  SSH },
	{ 0,   "blocking-io",      ST_USAGE,  SSH },
	{ 0,   "outbuf",           ST_USAGE,  NOT_HERE },
	{ 0,   "address",          ST_USAGE,  "the kernel chooses the address to call from: " LEAVE },
	{ 0,   "sockopts",         ST_USAGE,  "zcp sets the socket's options itself; --cc chooses the congestion control" },
	{ 0,   "password-file",    ST_USAGE,  "keys decide who you are, there are no passwords: see -i" },
	{ 0,   "early-input",      ST_USAGE,  NOT_HERE },
	{ 0,   "no-motd",          ST_USAGE,  "zcpd says nothing of that kind: " LEAVE },
	{ 0,   "protocol",         ST_USAGE,  "there is only one protocol: " LEAVE },
	{ 0,   "iconv",            ST_USAGE,  "names are copied byte by byte: " LEAVE },
	{ 0,   "protect-args",     ST_USAGE,  "names are never split: " LEAVE },
	{ 0,   "secluded-args",    ST_USAGE,  "names are never split: " LEAVE },
	{ 0,   "old-args",         ST_USAGE,  "names are never split: " LEAVE },
	{ 0,   "trust-sender",     ST_USAGE,  "zcp checks every name it is sent, always: " LEAVE },
	{ 0,   "itemize-changes",  ST_USAGE,  TEXT },
	{ 0,   "out-format",       ST_USAGE,  TEXT },
	{ 0,   "log-file",         ST_USAGE,  TEXT },
	{ 0,   "log-file-format",  ST_USAGE,  TEXT },
	{ 0,   "info",             ST_USAGE,  TEXT },
	{ 0,   "debug",            ST_USAGE,  "-v -v says more" },
	{ 0,   "stderr",           ST_USAGE,  "all that zcp says goes to stderr: " LEAVE },
	{ 0,   "list-only",        ST_USAGE,  "it is called --list here" },
	{ 0,   "stop-after",       ST_USAGE,  NOT_YET "start it with timeout(1)" },
	{ 0,   "stop-at",          ST_USAGE,  NOT_YET "start it with timeout(1)" },
	{ 0,   "write-batch",      ST_USAGE,  NOT_HERE },
	{ 0,   "only-write-batch", ST_USAGE,  NOT_HERE },
	{ 0,   "read-batch",       ST_USAGE,  NOT_HERE },
	{ 0,   "daemon",           ST_USAGE,  "the daemon is a program of its own: zcpd(8)" },
	{ 0,   "server",           ST_USAGE,  "the daemon is a program of its own: zcpd(8)" },
	{ 0,   "sender",           ST_USAGE,  "the daemon is a program of its own: zcpd(8)" },
};

const size_t foreign_count = sizeof foreign_options / sizeof *foreign_options;

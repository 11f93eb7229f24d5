/* links: zcpd */
/* admin.c - what the unit says, the drop-in's lines and file; edits of a file that changes meanwhile. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/io.h"
#include "common/log.h"
#include "tests/unit/tap.h"
#include "zcpd/admin_edit.h"
#include "zcpd/admin_unit.h"

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || io_write_full(fd, text, strlen(text)) < 0)
		printf("Bail out! cannot write %s\n", path);
	close(fd);
}

static bool holds(const char *path, const char *want)
{
	char text[4096];

	return io_slurp(path, text, sizeof text, IO_ANYBODYS) >= 0 && strcmp(text, want) == 0;
}

static void lines(void)
{
	static const struct { const char *path; bool writable; const char *want; } rows[] = {
		{ "/srv/pub", false, "" },               { "/home/anna/pub", false, "" },  { "/root/x", false, "" },   { "/tmpx", false, "" },
		{ "/srv/pub", true, "ReadWritePaths=\"-/srv/pub\"" }, { "/home/anna/in", true, "ReadWritePaths=\"-/home/anna/in\"" },
		{ "/srv/zcp", true, "" },                { "/srv/zcp/in", true, "" },      { "/srv/zcpx", true, "ReadWritePaths=\"-/srv/zcpx\"" },
		{ "/tmp/a", false, "BindReadOnlyPaths=\"-/tmp/a\"" },  { "/tmp/a", true, "BindPaths=\"-/tmp/a\"" },
		{ "/var/tmp/a", false, "BindReadOnlyPaths=\"-/var/tmp/a\"" }, { "/var/tmp/a", true, "BindPaths=\"-/var/tmp/a\"" },
		{ "/a b", true, "ReadWritePaths=\"-/a b\"" },          { "/a\"b", true, "ReadWritePaths=\"-/a\\\"b\"" },
		{ "/a\\b", true, "ReadWritePaths=\"-/a\\\\b\"" },      { "/50%", true, "ReadWritePaths=\"-/50%%\"" },
		{ "/a:b", true, "ReadWritePaths=\"-/a:b\"" },
	};
	char buf[8300];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int r = unit_line(rows[i].path, rows[i].writable, buf, sizeof buf);
		ok(*rows[i].want ? r == 1 && strcmp(buf, rows[i].want) == 0 : r == 0, "%s%s: %s", rows[i].path, rows[i].writable ? " writable" : "",
		   r > 0 ? buf : "nothing");
	}
	ok(unit_line("/srv/pub", true, buf, 10) < 0, "no room");
}

static void units(void)
{
	static const char *const dirs[] = { "first", "second", NULL }, *const none[] = { "nowhere", NULL };
	struct unit u;

	mkdir("first", 0755);
	mkdir("second", 0755);
	put("second/zcpd.service", "[Service]\nUser=zcpd\nExecStart=/usr/sbin/zcpd --config /etc/zcp/zcpd.conf\n");
	ok(unit_find(dirs, &u) && !strcmp(u.user, "zcpd") && !strcmp(u.config, "/etc/zcp/zcpd.conf"), "the unit's user and configuration");
	put("first/zcpd.service", "[Service]\nExecStart=/opt/zcpd --config=/opt/c -v\nUser=copy\n#User=no\nExecReload=/x --config /no\n");
	ok(unit_find(dirs, &u) && !strcmp(u.user, "copy") && !strcmp(u.config, "/opt/c"), "the first one counts");
	put("first/zcpd.service", "[Service]\nStateDirectory=zcpd more\nStateDirectoryMode=0700\nRuntimeDirectory=run\nLoadCredential=other:x\n"
	                          "LoadCredential=host_key:zcpd.host_key\n");
	ok(unit_find(dirs, &u) && !strcmp(u.state, "zcpd") && !strcmp(u.runtime, "run") && !strcmp(u.credential, "zcpd.host_key"), "its directories and its credential");
	put("first/zcpd.service", "[Service]\nExecStart=/opt/zcpd --root /srv\n");
	ok(unit_find(dirs, &u) && !*u.user && !*u.config, "neither said");
	put("first/zcpd.service", "");
	ok(unit_find(dirs, &u) && !*u.user, "an empty one");
	ok(!unit_find(none, &u), "none");
	unlink("first/zcpd.service");
	unlink("second/zcpd.service");
	rmdir("first");
	rmdir("second");
}

#define HEAD "# Written by zcpd --add-export: what exports in zcpd.conf need beyond zcpd.service.\n"
static void dropins(void)
{
	ok(unit_dropin("d", "ReadWritePaths=\"-/a\"") == 1 && holds("d/exports.conf", HEAD "[Service]\nReadWritePaths=\"-/a\"\n"), "made with its directory");
	ok(unit_dropin("d", "ReadWritePaths=\"-/a\"") == 0, "there already");
	ok(unit_dropin("d", "ReadWritePaths=\"-/ab\"") == 1 && unit_dropin("d", "ReadWritePaths=\"-/a\"") == 0
	   && holds("d/exports.conf", HEAD "[Service]\nReadWritePaths=\"-/a\"\n[Service]\nReadWritePaths=\"-/ab\"\n"), "one more");
	put("d/exports.conf", "[Unit]\nAfter=x\n[Service]\nNice=1");
	ok(unit_dropin("d", "BindPaths=\"-/tmp/a\"") == 1 && holds("d/exports.conf", "[Unit]\nAfter=x\n[Service]\nNice=1\n[Service]\nBindPaths=\"-/tmp/a\"\n"),
	   "what others wrote stays");
	unlink("d/exports.conf");
	mkdir("d/exports.conf", 0755);
	ok(unit_dropin("d", "BindPaths=\"-/tmp/a\"") < 0, "a directory in its place");
	rmdir("d/exports.conf");
	rmdir("d");
	ok(unit_dropin("no/where", "BindPaths=\"-/tmp/a\"") < 0, "no place for it");
}

static const struct edit_new fresh = { (uid_t)-1, (gid_t)-1, 0640 };

static void edits(void)
{
	struct edit e;
	struct stat st;

	ok(edit_open(&e, "new", 0) == 0 && e.file < 0 && *e.text == '\0' && edit_commit(&e, "a\n", &fresh) == 0, "a file that was not there");
	edit_clear(&e);
	ok(holds("new", "a\n") && stat("new", &st) == 0 && (st.st_mode & 07777) == 0640, "is there, with its mode");
	ok(edit_open(&e, "new", 0) == 0, "opened again");
	put("new", "somebody else's\n");
	ok(edit_commit(&e, "b\n", &fresh) < 0 && holds("new", "somebody else's\n"), "an editor that knows nothing of the lock is not overwritten");
	edit_clear(&e);
	ok(edit_open(&e, "gone", 0) == 0, "not there");
	put("gone", "x");
	ok(edit_commit(&e, "b\n", &fresh) < 0 && holds("gone", "x"), "and then it is");
	edit_clear(&e);
	ok(edit_open(&e, "new", 0) == 0 && unlink("new") == 0 && edit_commit(&e, "b\n", &fresh) < 0 && access("new", F_OK) < 0, "removed meanwhile: it stays removed");
	edit_clear(&e);
	ok(edit_open(&e, "no/where", 0) < 0, "no directory");
	edit_clear(&e);
	unlink("gone");
}

int main(void)
{
	char dir[] = "/tmp/admin-XXXXXX";

	umask(022);
	log_setup("test", LOG_LEVEL_ERROR, 0);
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 1;
	lines();
	units();
	dropins();
	edits();
	ok(chdir("/") == 0 && rmdir(dir) == 0, "nothing is left behind");
	return done();
}

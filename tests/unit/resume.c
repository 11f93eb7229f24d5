/*
 * resume.c - the journal beside an aside file: what is believed of it, what is not, and who may hold it.
 */
#include "tests/unit/resume.h"

/* --- a whole copy -------------------------------------------------------------------------------------------------- */

static bool holds_data(int dir, const char *name, size_t size)
{
	uint8_t *found = malloc(size + 1);
	int      fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	bool     same = fd >= 0 && read(fd, found, size + 1) == (ssize_t)size && memcmp(found, the_data(), size) == 0;

	close(fd);
	free(found);
	return same;
}

static void whole(int dir)
{
	struct publish p = { .meta = { .type = 'f', .mode = 0640, .mtime = 1000000000 }, .keep_mode = true, .keep_times = true };
	struct both    b, again;
	struct stat    st;
	char           name[ASIDE_NAME];

	ok(open_it(&b, dir) == 0 && b.r.why == RESUME_NEW && all_missing(&b) && b.r.size == SIZE && b.r.holder, "nothing there: new, all of it missing");
	ok(path_is_aside(b.a.name) && strlen(b.a.name) == ASIDE_NAME - 1 && strcmp(b.a.final, "f") == 0, "a name of the aside form");
	ok(fstat(b.a.fd, &st) == 0 && st.st_size == SIZE && (st.st_mode & 07777) == 0600 && fstat(b.r.fd, &st) == 0 && st.st_size == HEADER &&
	   (st.st_mode & 07777) == 0600, "both are 0600; the aside file has its size, the journal a header");
	ok((fcntl(b.r.fd, F_GETFD) & FD_CLOEXEC) && (fcntl(b.r.log, F_GETFD) & FD_CLOEXEC) && (fcntl(b.a.fd, F_GETFD) & FD_CLOEXEC), "close-on-exec");
	memcpy(name, b.a.name, sizeof name);
	uint8_t run[WIRE_RUN];
	memcpy(run, b.r.run, sizeof run);
	ok(come(&b, MIB, 2 * MIB) == 0 && size_of(dir, name) == SIZE, "a part of it comes");
	keep(&b);
	ok(b.a.fd == -1 && b.r.fd == -1 && b.r.log == -1 && files(dir, name), "closed: both files stay");
	ok(open_it(&again, dir) == 0 && again.r.why == RESUME_GOES_ON && !again.r.cut && again.r.have == 2 * MIB &&
	   GAPS(&again, { 0, MIB }, { 3 * MIB, SIZE - 3 * MIB }), "opened again: what is missing");
	ok(strcmp(again.a.name, name) == 0 && memcmp(run, again.r.run, WIRE_RUN) != 0, "the same names, another run");
	ok(resume_commit(&again.a, &again.r, 0) == -ENODATA, "with gaps it is not committed");
	ok(come(&again, 0, MIB) == 0 && come(&again, 3 * MIB, SIZE - 3 * MIB - 1) == 0 && resume_commit(&again.a, &again.r, 0) == -ENODATA, "nor without its last byte");
	memcpy(run, again.r.run, sizeof run);
	ok(come(&again, SIZE - 1, 1) == 0 && resume_commit(&again.a, &again.r, 0) == 0 && memcmp(run, again.r.run, WIRE_RUN) != 0, "whole: committed, under another run id");
	int at = dup(again.a.dir);
	ok(aside_publish(&again.a, &p) == 0, "published");
	resume_drop(&again.r, at, name);
	close(at);
	char journal[ASIDE_NAME + 2];
	snprintf(journal, sizeof journal, "%s.j", name);
	ok(holds_data(dir, "f", SIZE) && !files(dir, name) && !files(dir, journal), "the file has all its bytes; nothing is left beside it");
	ok(open_as(&b, dir, "f", me, id_of(0), false) == 0 && b.count == 0 && b.r.have == 0 && resume_commit(&b.a, &b.r, 0) == 0, "a file of no bytes has no gaps");
	drop(&b);
	resume_close(&b.r);
	aside_keep(&b.a);
	struct resume zeros = { .fd = 0 };
	struct aside  none = { .fd = 0 };
	resume_close(&zeros);
	resume_drop(&zeros, dir, name);
	aside_keep(&none);
	ok(fcntl(0, F_GETFD) >= 0 && !files(dir, journal), "closing twice, or what was never opened, closes nothing else");
	unlinkat(dir, "f", 0);
}

static void spans(int dir)
{
	struct both b, c;
	uint64_t    have = 0;

	open_it(&b, dir);
	/* 400 islands; every other is 4 KiB, the rest 8 KiB: 401 gaps, so 145 of the small ones are given up */
	for (uint64_t i = 0; i < 400; i++) {
		uint32_t len = i % 2 ? 8192 : 4096;
		if (come_in(&b, 4096 + i * 20480, len, len) < 0)
			exit(2);
	}
	keep(&b);
	ok(open_it(&c, dir) == 0 && c.count == RESUME_GAPS, "400 pieces apart: no more than %d gaps", RESUME_GAPS);
	bool order = true, large = true;
	for (size_t i = 1; i < c.count; i++)
		order &= c.gaps[i - 1].off + c.gaps[i - 1].len < c.gaps[i].off;
	for (uint64_t i = 1; i < 400; i += 2)
		for (size_t k = 0; k < c.count; k++)
			large &= c.gaps[k].off >= 4096 + i * 20480 + 8192 || c.gaps[k].off + c.gaps[k].len <= 4096 + i * 20480;
	for (size_t i = 0; i < c.count; i++)
		have += c.gaps[i].len;
	ok(order && large, "ascending, apart, and only the smallest pieces were given up");
	ok(c.r.have == SIZE - have && c.r.have == 200 * 8192 + 55 * 4096, "have is all but the gaps: %llu", (unsigned long long)c.r.have);
	drop(&c);

	/* pieces in any order, overlapping, twice */
	open_it(&b, dir);
	ok(come_in(&b, 100000, 50000, 7000) == 0 && come_in(&b, 0, 100000, 100000) == 0 && come_in(&b, 140000, 20000, 9999) == 0 && come(&b, 0, 160000) == 0,
	   "pieces of any size and order");
	keep(&b);
	ok(open_it(&c, dir) == 0 && GAPS(&c, { 160000, SIZE - 160000 }) && c.r.have == 160000, "are one");
	drop(&c);

	/* more pieces apart than are kept in mind at once: reading the journal again finds the rest */
	open_as(&b, dir, "f", me, id_of(40000), false);
	bool all = true;
	for (uint64_t i = 0; i < 40000; i += 2)
		all &= come_in(&b, i, 1, 1) == 0;
	ok(all && resume_commit(&b.a, &b.r, 0) == -ENODATA, "20,000 pieces of a byte, a byte apart");
	for (uint64_t i = 1; i < 40000; i += 2)
		all &= come_in(&b, i, 1, 1) == 0;
	ok(all && resume_commit(&b.a, &b.r, 0) == 0, "and the bytes between them: whole");
	drop(&b);
}

/* --- what is not believed ------------------------------------------------------------------------------------------ */

/* A copy of which [1 MiB, 3 MiB) is there: 8 entries. */
static void begun(int dir, char aside[ASIDE_NAME], char journal[ASIDE_NAME + 2])
{
	struct both b;

	if (open_as(&b, dir, "f", me, id_of(SIZE), true) < 0 || come(&b, MIB, 2 * MIB) < 0)
		exit(2);
	snprintf(aside, ASIDE_NAME, "%s", b.a.name);
	snprintf(journal, ASIDE_NAME + 2, "%s.j", b.a.name);
	keep(&b);
}

static void anew(int dir, const char *what, enum resume_why why)
{
	struct both b;

	int r = open_it(&b, dir);
	ok(r == 0 && b.r.why == why && all_missing(&b) && come(&b, 0, MIB) == 0, "%s: begun anew", what);
	keep(&b);
	ok(open_it(&b, dir) == 0 && b.r.why == RESUME_GOES_ON && b.r.have == MIB, "... and gone on with from there");
	keep(&b);
}

static void headers(int dir)
{
	char aside[ASIDE_NAME], journal[ASIDE_NAME + 2], what[60];
	bool all = true;
	struct both b;

	for (off_t at = 0; at < HEADER; at++) {
		begun(dir, aside, journal);
		flip(dir, journal, at);
		bool good = open_it(&b, dir) == 0 && all_missing(&b) && b.r.why == (at >= VERSION_AT && at < RUN_AT ? RESUME_VERSION : RESUME_BROKEN);
		if (!good)
			note("byte %lld: %d, why %d", (long long)at, b.result, b.r.why);
		all &= good;
		keep(&b);
	}
	ok(all, "a flipped bit in any byte of the header: begun anew");
	begun(dir, aside, journal);
	flip(dir, journal, 40);
	anew(dir, "a broken header", RESUME_BROKEN);
	begun(dir, aside, journal);
	flip(dir, journal, VERSION_AT + 1);
	anew(dir, "a journal of the future", RESUME_VERSION);
	begun(dir, aside, journal);
	int fd = openat(dir, journal, O_WRONLY | O_CLOEXEC);
	ok(pwrite(fd, "\001", 1, VERSION_AT) == 1, "the version before this one");
	close(fd);
	anew(dir, "a journal of the past", RESUME_VERSION);
	for (int i = 0; i < 3; i++) {
		begun(dir, aside, journal);
		set_length(dir, journal, (off_t[]){ 0, 1, HEADER - 1 }[i]);
		snprintf(what, sizeof what, "a journal of %d bytes", (int[]){ 0, 1, HEADER - 1 }[i]);
		anew(dir, what, i ? RESUME_BROKEN : RESUME_NEW);
	}
	begun(dir, aside, journal);
	unlinkat(dir, journal, 0);
	anew(dir, "no journal", RESUME_NEW);
	begun(dir, aside, journal);
	unlinkat(dir, aside, 0);
	anew(dir, "no aside file", RESUME_NEW);
	begun(dir, aside, journal);
	ok(open_as(&b, dir, "f", me, id_of(SIZE), true) == 0 && b.r.why == RESUME_REFUSED && all_missing(&b), "fresh: nothing of it counts");
	keep(&b);
}

static void sources(int dir)
{
	char aside[ASIDE_NAME], journal[ASIDE_NAME + 2];
	struct resume_id ids[9];
	struct both b;
	bool all = true;

	for (size_t i = 0; i < 9; i++)
		ids[i] = id_of(SIZE);
	ids[0].size++, ids[1].size -= 5000, ids[2].mtime++, ids[3].mtime_ns++, ids[4].of[31] ^= 1, ids[5].identity.dev++, ids[6].identity.ino++;
	ids[7].identity.ctime--, ids[8].identity.ctime_ns++;
	for (size_t i = 0; i < 9; i++) {
		begun(dir, aside, journal);
		bool good = open_as(&b, dir, "f", me, ids[i], false) == 0 && b.r.why == RESUME_ANOTHER && all_missing(&b) && size_of(dir, aside) == (off_t)ids[i].size;
		if (!good)
			note("difference %zu: %d why %d size %lld", i, b.result, b.r.why, (long long)size_of(dir, aside));
		all &= good;
		keep(&b);
	}
	ok(all, "another size, time, path or identity of the source: begun anew, and no tail of the longer one stays");
	uint8_t of[2][RESUME_OF];
	resume_of(of[0], me, "a/b");
	resume_of(of[1], me, "a/c");
	ok(memcmp(of[0], of[1], RESUME_OF) != 0, "resume_of: another path");
	resume_of(of[1], other, "a/b");
	ok(memcmp(of[0], of[1], RESUME_OF) != 0, "resume_of: another key");
	resume_of(of[1], me, "a/b");
	ok(memcmp(of[0], of[1], RESUME_OF) == 0, "resume_of: the same again");
	begun(dir, aside, journal);
	ok(open_as(&b, dir, "f", other, id_of(SIZE), false) == 0 && strcmp(b.a.name, aside) != 0 && b.r.why == RESUME_NEW, "another key has files of its own");
	drop(&b);
	ok(open_as(&b, dir, "g", me, id_of(SIZE), false) == 0 && strcmp(b.a.name, aside) != 0 && b.r.why == RESUME_NEW, "and so has another name");

	/* its journal in the place of the other's, with the same source: what it says is not in that file */
	char theirs[ASIDE_NAME + 2];
	snprintf(theirs, sizeof theirs, "%s.j", b.a.name);
	keep(&b);
	ok(renameat(dir, journal, dir, theirs) == 0 && open_as(&b, dir, "g", me, id_of(SIZE), false) == 0 && all_missing(&b) && b.r.cut,
	   "the journal of another aside file claims nothing");
	drop(&b);
	begun(dir, aside, journal);
	renameat(dir, journal, dir, "spare");
	ok(open_as(&b, dir, "f", other, id_of(SIZE), false) == 0, "another key's");
	snprintf(theirs, sizeof theirs, "%s.j", b.a.name);
	keep(&b);
	ok(renameat(dir, "spare", dir, theirs) == 0 && open_as(&b, dir, "f", other, id_of(SIZE), false) == 0 && b.r.why == RESUME_ANOTHER && all_missing(&b),
	   "another owner's journal is another file's");
	drop(&b);
}

static void entries(int dir)
{
	char aside[ASIDE_NAME], journal[ASIDE_NAME + 2];
	struct both b;
	bool all = true;

	for (off_t at = 0; at < ENTRY; at++) {
		begun(dir, aside, journal);
		flip(dir, journal, HEADER + 3 * ENTRY + at);
		all &= open_it(&b, dir) == 0 && b.r.why == RESUME_GOES_ON && b.r.cut && GAPS(&b, { 0, MIB }, { MIB + 3 * KIB256, SIZE - MIB - 3 * KIB256 }) &&
		       size_of(dir, journal) == HEADER + 3 * ENTRY;
		keep(&b);
	}
	ok(all, "a flipped bit in any byte of an entry ends the claim there, and the journal");
	begun(dir, aside, journal);
	flip(dir, aside, MIB + 5 * KIB256 + 77);
	ok(open_it(&b, dir) == 0 && b.r.cut && b.r.have == 5 * KIB256 && size_of(dir, journal) == HEADER + 5 * ENTRY, "a flipped bit in the data, too");
	ok(come(&b, MIB + 5 * KIB256, 3 * KIB256) == 0, "which comes again");
	keep(&b);
	ok(open_it(&b, dir) == 0 && !b.r.cut && b.r.have == 2 * MIB, "and is there");
	keep(&b);
	begun(dir, aside, journal);
	flip(dir, aside, 0);
	flip(dir, aside, MIB - 1);
	flip(dir, aside, 3 * MIB);
	ok(open_it(&b, dir) == 0 && !b.r.cut && b.r.have == 2 * MIB, "what is not claimed may be anything");
	keep(&b);
	for (off_t cut = 1; cut < ENTRY; cut += 31) {
		begun(dir, aside, journal);
		set_length(dir, journal, HEADER + 8 * ENTRY - cut);
		ok(open_it(&b, dir) == 0 && b.r.have == 7 * KIB256 && !b.r.cut && size_of(dir, journal) == HEADER + 7 * ENTRY && come(&b, MIB + 7 * KIB256, KIB256) == 0,
		   "an entry that lacks %d bytes is cut away", (int)cut);
		keep(&b);
		ok(open_it(&b, dir) == 0 && b.r.have == 2 * MIB, "... and the next one is whole");
		keep(&b);
	}
}

static void power_cut(int dir)
{
	char aside[ASIDE_NAME], journal[ASIDE_NAME + 2];
	static const uint8_t zeros[KIB256];
	struct both b;

	begun(dir, aside, journal);
	int fd = openat(dir, aside, O_RDWR | O_CLOEXEC);
	ok(pwrite(fd, zeros, KIB256, MIB) == KIB256 && open_it(&b, dir) == 0 && all_missing(&b) && b.r.why == RESUME_GOES_ON && b.r.cut,
	   "power cut: entries that reached the disk before their data claim nothing");
	keep(&b);
	begun(dir, aside, journal);
	ok(pwrite(fd, zeros, 4096, MIB + 2 * KIB256 - 4096) == 4096 && open_it(&b, dir) == 0 && b.r.have == KIB256, "the last page of a piece is not there");
	keep(&b);
	begun(dir, aside, journal);
	ok(ftruncate(fd, MIB + KIB256 + 1) == 0 && open_it(&b, dir) == 0 && b.r.have == KIB256 && size_of(dir, aside) == SIZE, "the file is shorter than it was");
	keep(&b);
	close(fd);
	begun(dir, aside, journal);
	fd = openat(dir, journal, O_RDWR | O_CLOEXEC);
	ok(pwrite(fd, zeros, ENTRY * 2, HEADER + 4 * ENTRY) == ENTRY * 2 && open_it(&b, dir) == 0 && b.r.have == 4 * KIB256 && b.r.cut, "zeros among the entries end the claim");
	keep(&b);
	close(fd);
}

static void hostile_entries(int dir)
{
	char aside[ASIDE_NAME], journal[ASIDE_NAME + 2];
	struct resume_piece bad[4] = { { .off = SIZE - 10, .len = 11 }, { .off = 0, .len = 0 }, { .off = 0, .len = KIB256 + 1 }, { .off = UINT64_MAX - 5, .len = 100 } };
	uint8_t entry[ENTRY];
	struct both b;
	bool all = true;

	for (size_t i = 0; i < 4; i++) {
		open_as(&b, dir, "f", me, id_of(SIZE), true);
		resume_tag(&b.r, bad[i].off, the_data(), bad[i].len, bad[i].tag);
		all &= come(&b, 0, KIB256) == 0 && pwrite(b.a.fd, the_data() + KIB256, 1, KIB256) == 1 && resume_note(&b.r, &bad[i], 1) == 0 && come(&b, KIB256, KIB256) == 0 && resume_commit(&b.a, &b.r, 0) == -ENODATA;
		keep(&b);
		all &= open_it(&b, dir) == 0 && b.r.have == KIB256 && b.r.cut;
		keep(&b);
	}
	ok(all, "entries beyond the size, of no length, or too long end the claim");
	begun(dir, aside, journal);
	int fd = openat(dir, journal, O_RDWR | O_CLOEXEC);
	ok(pread(fd, entry, ENTRY, HEADER) == ENTRY && pwrite(fd, entry, ENTRY, HEADER + 8 * ENTRY) == ENTRY && open_it(&b, dir) == 0 && b.r.have == 2 * MIB && !b.r.cut,
	   "an entry that stands there twice says nothing new");
	keep(&b);
	/* size / 4096 + 1024 entries are read, no more */
	uint8_t *many = malloc((size_t)ENTRY * 8192);
	for (size_t i = 0; i < 8192; i++)
		memcpy(many + i * ENTRY, entry, ENTRY);
	ok(pwrite(fd, many, (size_t)ENTRY * 8192, HEADER + 8 * ENTRY) == ENTRY * 8192 && open_it(&b, dir) == 0 && b.r.have == 2 * MIB && b.r.cut &&
	   size_of(dir, journal) == HEADER + ENTRY * (SIZE / 4096 + 1024), "a journal that never ends is cut");
	keep(&b);
	free(many);
	close(fd);
}

/* --- who may ------------------------------------------------------------------------------------------------------- */

static int hold(int dir, const void *arg)
{
	static struct both b;           /* stays open until the process ends */

	(void)arg;
	return open_it(&b, dir) < 0 || come(&b, 0, MIB) < 0 ? -1 : 0;
}

static int joined(int dir, const void *run)
{
	static struct both b;

	return resume_join(&b.a, &b.r, dir, "f", me, run) < 0 || come(&b, 0, 2 * MIB) < 0 ? -1 : 0;
}

static void holders(int dir)
{
	char aside[ASIDE_NAME], journal[ASIDE_NAME + 2];
	struct both b;
	int pipes[2];

	open_it(&b, dir);
	drop(&b);
	names(dir, "f", me, aside, journal);
	pid_t pid = in_child(hold, dir, NULL, pipes);
	off_t was = size_of(dir, journal);
	ok(open_it(&b, dir) == -EWOULDBLOCK && b.a.fd == -1 && b.r.fd == -1, "held by another process: -EWOULDBLOCK");
	ok(open_as(&b, dir, "f", me, id_of(SIZE - 5), true) == -EWOULDBLOCK && size_of(dir, journal) == was && size_of(dir, aside) == SIZE, "and nothing is touched, fresh or not");
	ok(open_as(&b, dir, "f", other, id_of(SIZE), false) == 0, "another key is not in its way");
	drop(&b);
	end_child(pid, pipes);
	ok(open_it(&b, dir) == 0 && b.r.have == MIB, "when it has ended, what it wrote is gone on with");
	drop(&b);
}

static void joining(int dir)
{
	struct both h, j, k;
	uint8_t run[WIRE_RUN], wrong[WIRE_RUN] = { 0 };
	int pipes[2];

	ok(resume_join(&j.a, &j.r, dir, "f", me, wrong) == -ESTALE && j.a.fd == -1 && j.r.fd == -1, "join: no such run at all");
	open_it(&h, dir);
	memcpy(run, h.r.run, sizeof run);
	ok(resume_join(&j.a, &j.r, dir, "f", me, run) == 0 && !j.r.holder && j.r.size == SIZE && memcmp(j.r.run, run, WIRE_RUN) == 0, "join: the holder's run");
	ok(resume_join(&k.a, &k.r, dir, "f", me, wrong) == -ESTALE && resume_join(&k.a, &k.r, dir, "f", other, run) == -ESTALE &&
	   resume_join(&k.a, &k.r, dir, "g", me, run) == -ESTALE, "join: another run, key or name is refused");
	char from[2][ASIDE_NAME + 2], to[2][ASIDE_NAME + 2];
	names(dir, "f", other, to[0], to[1]);
	snprintf(from[0], sizeof from[0], "%s", h.a.name);
	snprintf(from[1], sizeof from[1], "%s.j", h.a.name);
	for (int i = 0; i < 2; i++)
		renameat(dir, from[i], dir, to[i]);
	ok(resume_join(&k.a, &k.r, dir, "f", other, run) == -ESTALE, "join: nor another owner's files by that owner's names");
	for (int i = 0; i < 2; i++)
		renameat(dir, to[i], dir, from[i]);
	ok(come(&j, 0, MIB) == 0 && come(&h, MIB, MIB) == 0, "both write");
	keep(&j);
	keep(&h);
	ok(open_it(&h, dir) == 0 && h.r.have == 2 * MIB && resume_join(&j.a, &j.r, dir, "f", me, run) == -ESTALE, "opened again: all is there, and the old run is over");
	memcpy(run, h.r.run, sizeof run);

	pid_t pid = in_child(joined, dir, run, pipes);
	ok(come(&h, 2 * MIB, SIZE - 2 * MIB) == 0 && resume_commit(&h.a, &h.r, 50) == -EWOULDBLOCK, "commit: not while a range is being written");
	ok(resume_join(&j.a, &j.r, dir, "f", me, run) == -ESTALE, "and nobody joins any more");
	end_child(pid, pipes);
	ok(resume_commit(&h.a, &h.r, 1000) == 0, "commit: when that has ended");
	ok(resume_join(&j.a, &j.r, dir, "f", me, h.r.run) == -EWOULDBLOCK, "not even with the new id");
	keep(&h);

	open_it(&h, dir);
	memcpy(run, h.r.run, sizeof run);
	pid = in_child(joined, dir, run, pipes);
	keep(&h);
	ok(open_it(&h, dir) == -EWOULDBLOCK, "open: not while somebody still writes for an earlier run");
	end_child(pid, pipes);
	ok(open_it(&h, dir) == 0 && h.r.have == SIZE && h.count == 0, "all of it is there then");
	memcpy(run, h.r.run, sizeof run);
	drop(&h);
	ok(resume_join(&j.a, &j.r, dir, "f", me, run) == -ESTALE, "join: thrown away");
	struct resume notheld = { .fd = -1, .log = -1 };
	ok(resume_commit(&h.a, &notheld, 0) == -EBADF, "only a holder commits");
}

static void commits(int dir)
{
	struct both b;
	char name[ASIDE_NAME], journal[ASIDE_NAME + 2];

	open_it(&b, dir);
	come(&b, 0, SIZE);
	snprintf(name, sizeof name, "%s", b.a.name);
	snprintf(journal, sizeof journal, "%s.j", b.a.name);
	ok(ftruncate(b.a.fd, SIZE - 1) == 0 && resume_commit(&b.a, &b.r, 0) == -ENODATA, "commit: a file of another size");
	ok(ftruncate(b.a.fd, SIZE) == 0 && linkat(dir, name, dir, "link", 0) == 0 && resume_commit(&b.a, &b.r, 0) == -ESTALE, "commit: a file with another link");
	unlinkat(dir, "link", 0);
	renameat(dir, name, dir, "mine");
	put_file(dir, name, "somebody else's", 0600);
	ok(resume_commit(&b.a, &b.r, 0) == -ESTALE, "commit: another file by that name");
	renameat(dir, "mine", dir, name);
	flip(dir, journal, HEADER + 10 * ENTRY);
	ok(resume_commit(&b.a, &b.r, 0) == -ENODATA, "commit: a wrong entry ends what is covered");
	flip(dir, journal, HEADER + 10 * ENTRY);
	ok(resume_commit(&b.a, &b.r, 0) == 0, "commit: right again");
	drop(&b);
}

static int count_beats(void *arg)
{
	return --*(int *)arg > 0 ? 0 : -ECANCELED;
}

static void beats(int dir)
{
	int left = 1000;
	struct resume_pulse p = { count_beats, &left };
	struct resume_id id = id_of(SIZE);
	struct both b;

	open_as(&b, dir, "f", me, id, true);
	come_in(&b, 0, SIZE, 16384);
	keep(&b);
	b.result = resume_open_pulsed(&b.a, &b.r, dir, "f", me, &id, false, b.gaps, &b.count, &p);
	ok(b.result == 0 && b.r.have == SIZE && left < 1000 && left > 500, "beats: at once, and not with each of 513 pieces (%d)", 1000 - left);
	keep(&b);
	left = 1;
	b.result = resume_open_pulsed(&b.a, &b.r, dir, "f", me, &id, false, b.gaps, &b.count, &p);
	ok(b.result == -ECANCELED && b.a.fd == -1 && b.r.fd == -1, "one that fails ends it");
	ok(open_it(&b, dir) == 0 && b.r.have == SIZE, "and both files stay as they were");
	drop(&b);
}

int main(int argc, char **argv)
{
	umask(022);
	if (sodium_init() < 0)
		return 1;
	randombytes_buf_deterministic(the_data(), SIZE, (const unsigned char *)"0123456789abcdef0123456789abcdef");
	int dir = scratch(argc > 1 ? argv[1] : NULL);
	whole(dir);
	spans(dir);
	headers(dir);
	sources(dir);
	entries(dir);
	power_cut(dir);
	hostile_entries(dir);
	holders(dir);
	joining(dir);
	commits(dir);
	beats(dir);
	return done();
}

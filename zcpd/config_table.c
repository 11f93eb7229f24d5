/* config_table.c - the one table of zcpd.conf's keys, and the help that is made of it. */
#include <stddef.h>
#include <stdio.h>
#include "zcpd/config_rows.h"

static const char *const modes[] = { "ro", "rw", NULL }, *const yes_no[] = { "no", "yes", NULL }, *const macs[] = { "mac", "none", NULL },
                  *const levels[] = { "error", "warn", "info", "debug", NULL };

#define AT(field)     offsetof(struct settings, field)
#define LIMIT(field)  offsetof(struct settings, limits.field)
#define OWN(field)    offsetof(struct settings_export, field)
#define ABSOLUTE      "an absolute path"
#define NETWORKS      "networks such as 10.0.0.0/8 or fd00::/8, addresses, or none"
#define SECONDS(key, field, from, to, standard, text) \
	{ .name = (key), .take = take_number, .at = LIMIT(field), .least = (from), .most = (to), .unit = " seconds", .def = (standard), .help = (text) }
#define STREAMS(key, field, standard, text) \
	{ .name = (key), .take = take_number, .at = LIMIT(field), .least = 1, .most = LIMITS_STREAMS_MAX, .unit = "", .def = (standard), .help = (text) }

const struct row config_rows[] = {
	{ .name = "listen", .take = take_listen, .most = SETTINGS_LISTEN_MAX, .list = true, .range = "ADDR:PORT, [V6ADDR]:PORT, :PORT or unix:/PATH",
	  .otherwise = "the sockets that systemd hands over, else \":7722\"", .help = "where to listen; port 0 takes any free port" },
	{ .name = "state", .take = take_path, .at = AT(state), .range = ABSOLUTE, .otherwise = "as zcpd --state",
	  .help = "the directory of the host key and of authorized_keys" },
	{ .name = "host-key", .take = take_path, .at = AT(host_key), .range = ABSOLUTE, .otherwise = "host_key in the state directory",
	  .help = "the file with the secret host key" },
	{ .name = "authorized-keys", .take = take_keys_file, .at = AT(authorized_keys), .range = "an absolute path, or any",
	  .otherwise = "authorized_keys in the state directory", .help = "the clients that are let in" },
	{ .name = "user", .take = take_text, .at = AT(user), .range = "a user's name", .otherwise = "the user that started zcpd",
	  .help = "whom to become when started as root" },
	{ .name = "plaintext-from", .take = take_plain, .most = SETTINGS_NETWORKS_MAX, .list = true, .range = NETWORKS,
	  .otherwise = "clients that are proved to be on this machine",
	  .help = "whose clients may have contents unencrypted when they ask for it" },
	{ .name = "integrity", .take = take_choice, .at = AT(integrity_none), .choices = macs, .def = "mac",
	  .help = "none: clients of those networks may leave the tags of unencrypted contents away" },
	{ .name = "ciphers", .take = take_suites, .at = AT(suites), .most = SUITE_ID_MAX, .list = true,
	  .range = "aegis128l, aegis256, aes256gcm, chacha20poly1305", .otherwise = "all that this libsodium and this processor have",
	  .help = "the suites to offer, in this order" },
	{ .name = "log-level", .take = take_level, .at = AT(log_level), .choices = levels, .def = "info", .help = "how much to say" },
	{ .name = "status-socket", .take = take_socket, .at = AT(status_socket), .range = "an absolute path of at most 107 bytes, or none",
	  .otherwise = "status.sock in $RUNTIME_DIRECTORY, else in /run/zcpd", .help = "where zcpd --status asks" },
	{ .name = "metrics", .take = take_metrics, .at = AT(metrics), .range = "ADDR:PORT on loopback, unix:PATH, or none", .def = "none",
	  .help = "where OpenMetrics text is served over HTTP" },
	{ .name = "transfer-log", .take = take_log_file, .at = AT(transfer_log), .range = "an absolute path, log, or none", .def = "none",
	  .help = "one line for each file; log: among the other lines" },
	STREAMS("streams", streams, "512", "how many streams there may be"),
	STREAMS("streams-per-source", per_source, "128", "of one IPv4 address or one IPv6 /64"),
	STREAMS("streams-per-key", per_key, "128", "of one client key"),
	{ .name = "max-startups", .take = take_startups, .range = "START:RATE:FULL with 1 <= START <= FULL <= 1024 and RATE from 1 to 100",
	  .def = "64:30:256", .help = "from START streams that have shown no key yet on RATE % of new ones are refused, at FULL all" },
	SECONDS("greeting-timeout", greeting_s, 1, 3600, "10", "until a client has shown its key"),
	SECONDS("idle-timeout", idle_s, 1, 86400, "60", "until a stream that asks for nothing is ended"),
	SECONDS("stall-timeout", stall_s, 1, 86400, "60", "until a stream on which nothing moves is ended"),
	SECONDS("drain-timeout", drain_s, 0, 86400, "30", "how long transfers may go on after SIGTERM"),
	SECONDS("penalty-crash", penalty_crash_s, 0, 86400, "90", "how long a source waits whose stream's process crashed"),
	SECONDS("penalty-refused", penalty_refused_s, 0, 86400, "5", "how long a source waits that failed to authenticate"),
	SECONDS("penalty-most", penalty_most_s, 0, 86400, "600", "what penalties add up to at most"),
	{ .name = "penalty-exempt", .take = take_exempt, .at = LIMIT(exempt), .most = LIMITS_EXEMPT_MAX, .list = true, .range = NETWORKS,
	  .def = "{\"127.0.0.0/8\", \"::1\"}", .help = "who is never penalised" },
	{ 0 }
};

const struct row config_export_rows[] = {
	{ .name = "prefix", .take = take_prefix, .range = "whole components, such as data or data/old; / is everything", .otherwise = "NAME",
	  .help = "the beginning of the paths that clients see" },
	{ .name = "path", .take = take_path, .at = OWN(path), .range = ABSOLUTE, .needed = true, .help = "the directory" },
	{ .name = "mode", .take = take_choice, .at = OWN(writable), .choices = modes, .def = "ro", .help = "rw: clients may store here" },
	{ .name = "allow", .take = take_names, .at = OWN(allow), .most = 1024, .list = true, .range = "names of keys",
	  .otherwise = "every key that its own line does not keep out", .help = "who may read" },
	{ .name = "allow-write", .take = take_names, .at = OWN(allow_write), .most = 1024, .list = true, .range = "names of keys",
	  .otherwise = "keys with write on their line", .help = "who may store, too; needs mode = rw" },
	{ .name = "plaintext-from", .take = take_export_plain, .most = SETTINGS_NETWORKS_MAX, .list = true, .range = NETWORKS,
	  .otherwise = "the daemon's own", .help = "as outside, for this export" },
	{ .name = "max-bytes", .take = take_size, .at = OWN(max_bytes), .least = 1, .most = INT64_MAX,
	  .range = "a number of bytes, or of K, M, G or T; or none", .def = "none", .help = "the largest file that may be stored" },
	{ .name = "fsync", .take = take_choice, .at = OWN(fsync), .choices = yes_no, .def = "no",
	  .help = "yes: a file is on the disk before it counts as stored" },
	{ .name = "bwlimit", .take = take_size, .at = OWN(bwlimit), .least = 16384, .most = INT64_MAX, .unit = "/s",
	  .range = "a number of K, M, G or T (of 1024) bytes a second, at least 16K; or none", .def = "none",
	  .help = "of all streams together" },
	{ .name = "comment", .take = take_text, .at = OWN(comment), .range = "text", .otherwise = "none", .help = "for people" },
	{ 0 }
};

const char *config_range(const struct row *r, char buf[static CONFIG_MUST])
{
	size_t n = 0;

	if (r->range)
		snprintf(buf, CONFIG_MUST, "%s", r->range);
	else if (!r->choices)
		snprintf(buf, CONFIG_MUST, "%llu to %llu%s", (unsigned long long)r->least, (unsigned long long)r->most, r->unit);
	for (const char *const *c = r->range ? NULL : r->choices; c && *c; c++)
		n += (size_t)snprintf(buf + n, CONFIG_MUST - n, "%s%s", n == 0 ? "" : c[1] ? ", " : " or ", *c);
	return buf;
}

static void help_rows(FILE *to, const struct row *r)
{
	char range[CONFIG_MUST];

	for (; r->name; r++) {
		fprintf(to, "  %s\n      ", r->name);
		if (r->list)
			fprintf(to, "list of up to %u: ", (unsigned)r->most);
		fprintf(to, "%s; ", config_range(r, range));
		if (r->needed)
			fprintf(to, "must be given\n");
		else
			fprintf(to, "%s%s\n", r->def ? "default " : "without it ", r->def ? r->def : r->otherwise);
		fprintf(to, "      %s\n", r->help);
	}
}

void config_help(FILE *to)
{
	fprintf(to, "zcpd.conf, see zcpd.conf(5). Outside of sections:\n");
	help_rows(to, config_rows);
	fprintf(to, "In a section export NAME { }, one for each directory:\n");
	help_rows(to, config_export_rows);
}

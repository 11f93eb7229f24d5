/*
 * log.h - one line per event on stderr, with the program's name; zcpd adds a journald priority under systemd.
 *
 * The only file-scope state besides main.c's signal flag: program name, level, prefix style. A '%s' argument that came from
 * a peer or a file system goes through vis() first: log_*() writes what it is given in ONE write(2), newline at the end.
 */
#pragma once
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
void log_setup(const char *program, enum log_level most, int journald);
void log_hook(void (*before)(void));            /* called before a line: zcp clears its progress line */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

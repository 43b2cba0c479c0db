/* SPDX-License-Identifier: MIT */
/*
 * error.c: facts become one sentence, and the words for programs.
 *
 * Owns:    every write to a caller's struct settid_error (L1), and the one table of sentences.
 * Keeps:   (E1) text is one line, terminated, never empty; (E2) err is untouched on success, because nobody
 *          calls this file then; (E3) nothing here depends on locale, errno or libc's message buffers.
 * Threads: none inside.
 */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ------------------------------------------------------------------------------------ words -- */

static const char *const reason_names[] = {
	[SETTID_REASON_SYSTEM] = "system",
	[SETTID_REASON_TAKEN] = "taken",
	[SETTID_REASON_RANGE] = "range",
	[SETTID_REASON_FIRST_NOT_INIT] = "first-not-init",
	[SETTID_REASON_TOO_MANY_LEVELS] = "too-many-levels",
	[SETTID_REASON_CAPABILITY] = "capability",
	[SETTID_REASON_NAMESPACE_RIGHT] = "namespace-right",
	[SETTID_REASON_NAMESPACE_DEAD] = "namespace-dead",
	[SETTID_REASON_NAMESPACE_DEPTH] = "namespace-depth",
	[SETTID_REASON_NAMESPACE_SHAPE] = "namespace-shape",
	[SETTID_REASON_NUMBERS_FULL] = "numbers-full",
	[SETTID_REASON_PROCESS_LIMIT] = "process-limit",
	[SETTID_REASON_NO_CLONE3] = "no-clone3",
	[SETTID_REASON_SECCOMP] = "seccomp",
	[SETTID_REASON_NO_SET_TID] = "no-set-tid",
	[SETTID_REASON_NO_LAST_PID] = "no-last-pid",
	[SETTID_REASON_RACE_LOST] = "race-lost",
	[SETTID_REASON_METHOD_LIMIT] = "method-limit",
	[SETTID_REASON_PROCFS] = "procfs",
	[SETTID_REASON_STEP] = "step",
	[SETTID_REASON_ARGUMENT] = "argument",
};

static const char *const holder_names[] = {
	[SETTID_HOLDER_NONE] = "none",
	[SETTID_HOLDER_PROCESS] = "process",
	[SETTID_HOLDER_THREAD] = "thread",
	[SETTID_HOLDER_ZOMBIE] = "zombie",
	[SETTID_HOLDER_DEAD_LEADER] = "dead-leader",
	[SETTID_HOLDER_GROUP] = "group",
	[SETTID_HOLDER_SESSION] = "session",
	[SETTID_HOLDER_UNSEEN] = "unseen",
};

/* What the program reads, and what people read: "the new process failed to ...". */
static const struct {
	const char *name, *doing;
} steps[] = {
	[SETTID_STEP_NONE] = { "none", "start" },
	[SETTID_STEP_MAPS] = { "maps", "get its uid and gid maps" },
	[SETTID_STEP_SETSID] = { "setsid", "start a session" },
	[SETTID_STEP_SETPGROUP] = { "setpgroup", "join its process group" },
	[SETTID_STEP_SCHED] = { "sched", "set its scheduling" },
	[SETTID_STEP_RESETIDS] = { "resetids", "reset its effective ids" },
	[SETTID_STEP_SIGNALS] = { "signals", "set its signals" },
	[SETTID_STEP_PDEATHSIG] = { "pdeathsig", "set its parent-death signal" },
	[SETTID_STEP_FILE_ACTION] = { "file-action", "do file action" },
	[SETTID_STEP_CWD] = { "cwd", "change its directory" },
	[SETTID_STEP_EXEC] = { "exec", "execute the program" },
};
_Static_assert(COUNT(steps) == SETTID_STEP_COUNT, "a step without a name");

static const char *const method_names[] = {
	[SETTID_METHOD_AUTO] = "auto",
	[SETTID_METHOD_CLONE3] = "clone3",
	[SETTID_METHOD_NS_LAST_PID] = "ns_last_pid",
};

static const char *word(const char *const *names, size_t len, unsigned at)
{
	return at < len && names[at] ? names[at] : "?";
}

const char *settid_reason_name(enum settid_reason reason)
{
	return word(reason_names, COUNT(reason_names), (unsigned)reason);
}

const char *settid_holder_name(enum settid_holder holder)
{
	return word(holder_names, COUNT(holder_names), (unsigned)holder);
}

const char *settid_step_name(enum settid_step step)
{
	return (unsigned)step < COUNT(steps) ? steps[step].name : "?";
}

const char *settid_method_name(enum settid_method method)
{
	return word(method_names, COUNT(method_names), (unsigned)method);
}

#define STRING_(x) #x
#define STRING(x) STRING_(x)

const char *settid_version(void)
{
	return STRING(SETTID_VERSION_MAJOR) "." STRING(SETTID_VERSION_MINOR) "." STRING(SETTID_VERSION_PATCH);
}

/* strerror() is neither safe in a shared-memory child nor thread-safe everywhere, so the words are ours. */
static const struct {
	int code;
	const char *text;
} errno_texts[] = {
	{ EPERM, "Operation not permitted" },
	{ ENOENT, "No such file or directory" },
	{ ESRCH, "No such process" },
	{ EINTR, "Interrupted" },
	{ EIO, "Input/output error" },
	{ ENXIO, "No such device or address" },
	{ E2BIG, "Argument list too long" },
	{ ENOEXEC, "Not an executable format" },
	{ EBADF, "Bad file descriptor" },
	{ ECHILD, "No such child" },
	{ EAGAIN, "Resource temporarily unavailable" },
	{ ENOMEM, "Out of memory" },
	{ EACCES, "Permission denied" },
	{ EFAULT, "Bad address" },
	{ EBUSY, "Device or resource busy" },
	{ EEXIST, "Exists already" },
	{ EXDEV, "Crosses a boundary" },
	{ ENODEV, "No such device" },
	{ ENOTDIR, "Not a directory" },
	{ EISDIR, "Is a directory" },
	{ EINVAL, "Invalid argument" },
	{ ENFILE, "Too many open files in the system" },
	{ EMFILE, "Too many open files" },
	{ ETXTBSY, "Text file busy" },
	{ EFBIG, "File too large" },
	{ ENOSPC, "No space left" },
	{ EROFS, "Read-only file system" },
	{ EPIPE, "Broken pipe" },
	{ ERANGE, "Out of range" },
	{ EDEADLK, "Would deadlock" },
	{ ENAMETOOLONG, "File name too long" },
	{ ENOSYS, "Function not implemented" },
	{ ELOOP, "Too many symbolic links" },
	{ EPROTO, "Protocol error" },
	{ EOVERFLOW, "Value too large" },
	{ ELIBBAD, "Corrupted shared library" },
	{ EUSERS, "Too many users" },
	{ ENOTSOCK, "Not a socket" },
	{ EPROTOTYPE, "A socket of another kind" },
	{ EOPNOTSUPP, "Not supported" },
	{ EADDRINUSE, "Address in use" },
	{ ECONNRESET, "Connection reset" },
	{ ETIMEDOUT, "Timed out" },
	{ ECONNREFUSED, "Nobody listens there" },
	{ ECANCELED, "Cancelled" },
	{ EDQUOT, "Quota exceeded" },
};

const char *settid__errno_text(int code)
{
	if (code < 0)
		code = -code;
	for (size_t i = 0; i < COUNT(errno_texts); i++)
		if (errno_texts[i].code == code)
			return errno_texts[i].text;
	return "Unknown error";
}

/* ------------------------------------------------------------------------------------ sentences -- */

/* A sentence that grows piece by piece; what does not fit is cut. */
struct line {
	char *at;
	size_t room;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line->at, line->room, fmt, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t)len >= line->room)
		len = (int)line->room - 1;
	line->at += len;
	line->room -= (size_t)len;
}

/* "17 (bash)", "17", "bash (no number here)", or "a process that is not visible here" */
static void add_person(struct line *line, pid_t pid, const char *comm)
{
	if (pid > 0 && comm[0])
		add(line, "%d (%s)", (int)pid, comm);
	else if (pid > 0)
		add(line, "%d", (int)pid);
	else if (comm[0])
		add(line, "%s (no number here)", comm);
	else
		add(line, "a process that is not visible here");
}

/*
 * What keeps a number taken, one row per holder: the words before the person, whether a person is named (and
 * is it the zombie's parent), and the words after.  Groups and sessions go on with their members.
 */
static const struct {
	const char *before, *after;
	enum { NOBODY, HOLDER, PARENT } person;
	bool members;
} holder_rows[] = {
	[SETTID_HOLDER_NONE] = { "was taken a moment ago, and looks free again", "", NOBODY, false },
	[SETTID_HOLDER_PROCESS] = { "is held by a live process, ", "", HOLDER, false },
	[SETTID_HOLDER_THREAD] = { "is held by a thread of ", "", HOLDER, false },
	[SETTID_HOLDER_ZOMBIE] = { "is held by a zombie, child of ", "", PARENT, false },
	[SETTID_HOLDER_DEAD_LEADER] = { "is held by the dead leader of ", ", whose other threads live",
					HOLDER, false },
	[SETTID_HOLDER_GROUP] = { "is still a process group's number: ", "", HOLDER, true },
	[SETTID_HOLDER_SESSION] = { "is still a session's number: ", "", HOLDER, true },
	[SETTID_HOLDER_UNSEEN] = { "is taken by somebody who is not visible from here", "", NOBODY, false },
};

static void add_members(struct line *line, int members)
{
	if (members <= 1)
		add(line, " is its only member");
	else if (members == 2)
		add(line, " and 1 more are its members");
	else
		add(line, " and %d more are its members", members - 1);
}

static void add_holder(struct line *line, const struct settid_error *facts)
{
	size_t at = (size_t)facts->holder < COUNT(holder_rows) ? (size_t)facts->holder : SETTID_HOLDER_UNSEEN;

	add(line, "%s", holder_rows[at].before);
	if (holder_rows[at].person != NOBODY)
		add_person(line, holder_rows[at].person == PARENT ? facts->holder_parent : facts->holder_pid,
			   facts->holder_comm);
	add(line, "%s", holder_rows[at].after);
	if (holder_rows[at].members)
		add_members(line, facts->holder_members);
}

/* "set_tid[1] = 42 ", "42 ", or nothing: what the sentence speaks of. */
static void add_subject(struct line *line, const struct settid_error *facts, const char *otherwise)
{
	if (facts->level >= 0 && facts->reason == SETTID_REASON_TOO_MANY_LEVELS)
		add(line, "set_tid[%d] ", facts->level);
	else if (facts->level >= 0 && facts->number)
		add(line, "set_tid[%d] = %d ", facts->level, (int)facts->number);
	else if (facts->level >= 0)
		add(line, "set_tid[%d] = 0 ", facts->level);
	else if (facts->number)
		add(line, "%d ", (int)facts->number);
	else
		add(line, "%s ", otherwise);
}

/*
 * One row per reason.  A subject makes the row a predicate: the subject (or that word, when no level and
 * number is known) comes before the text.
 */
static const struct {
	const char *subject, *text;
} reason_rows[] = {
	[SETTID_REASON_RANGE] = { "a number", "is not between 1 and that level's pid_max - 1" },
	[SETTID_REASON_FIRST_NOT_INIT] = { "a number",
					   "cannot be the first process of its PID namespace: only 1 can" },
	[SETTID_REASON_TOO_MANY_LEVELS] = { "set_tid",
					    "is one too many: the process would have fewer levels" },
	[SETTID_REASON_CAPABILITY] = { "a number",
				       "needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN over the user "
				       "namespace that owns that level" },
	[SETTID_REASON_NAMESPACE_RIGHT] = { NULL,
					    "a new namespace needs CAP_SYS_ADMIN in the user namespace that "
					    "is to own it (CLONE_NEWUSER makes one)" },
	[SETTID_REASON_NAMESPACE_DEAD] = { NULL, "the PID namespace that children go to is dead: its init "
						 "has ended, "
						 "or never came to life" },
	[SETTID_REASON_NAMESPACE_DEPTH] = { NULL,
					    "namespaces are nested 32 deep already, or this user's limit "
					    "(/proc/sys/user/max_*_namespaces) is reached" },
	[SETTID_REASON_NAMESPACE_SHAPE] = { NULL,
					    "children of this thread go to another PID namespace already "
					    "(after unshare or setns), so neither CLONE_NEWPID nor a thread "
					    "is "
					    "possible" },
	[SETTID_REASON_NUMBERS_FULL] = { NULL, "a level that was left to the kernel has no free number" },
	[SETTID_REASON_PROCESS_LIMIT] = { NULL,
					  "a limit on processes is reached: RLIMIT_NPROC, the pids cgroup or "
					  "threads-max" },
	[SETTID_REASON_NO_CLONE3] = { NULL,
				      "clone3 is not available here: an old kernel, or a seccomp filter that "
				      "says so" },
	[SETTID_REASON_SECCOMP] = { NULL, "a seccomp filter forbids clone3" },
	[SETTID_REASON_NO_SET_TID] = { NULL, "this kernel's clone3 has no set_tid (Linux 5.5 brought it)" },
	[SETTID_REASON_NO_LAST_PID] = { NULL, "/proc/sys/kernel/ns_last_pid cannot be used here" },
	[SETTID_REASON_RACE_LOST] = { "the number",
				      "was lost to another fork in that namespace, every time" },
	[SETTID_REASON_METHOD_LIMIT] = { NULL, "the method cannot do that" },
	[SETTID_REASON_PROCFS] = { NULL, "/proc is missing, or shows another PID namespace" },
	[SETTID_REASON_ARGUMENT] = { NULL, "the arguments contradict each other" },
};

static void tell_step(struct line *line, const struct settid_error *facts)
{
	size_t at = (size_t)facts->step < COUNT(steps) ? (size_t)facts->step : SETTID_STEP_NONE;

	add(line, "the new process could not %s", steps[at].doing);
	if (facts->step_index >= 0)
		add(line, " %d", facts->step_index);
	add(line, ": %s", settid__errno_text(facts->code));
}

static void tell(struct line *line, const struct settid_error *facts)
{
	size_t at = (size_t)facts->reason;

	if (facts->reason == SETTID_REASON_TAKEN) {
		add_subject(line, facts, "the number");
		add_holder(line, facts);
	} else if (facts->reason == SETTID_REASON_STEP) {
		tell_step(line, facts);
	} else if (at < COUNT(reason_rows) && reason_rows[at].text) {
		if (reason_rows[at].subject)
			add_subject(line, facts, reason_rows[at].subject);
		add(line, "%s", reason_rows[at].text);
	} else {
		add(line, "%s", settid__errno_text(facts->code));
	}
}

/* Names of files and programs may hold anything; the sentence is one line (E1). */
static void keep_to_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

int settid__fail_facts(struct settid_error *err, const struct settid_error *facts)
{
	struct line line;

	if (!err)
		return facts->code;
	if (err != facts)
		*err = *facts;
	line = (struct line){ err->text, sizeof err->text };
	tell(&line, err);
	keep_to_one_line(err->text);
	return err->code;
}

__attribute__((format(printf, 3, 0))) static int put(struct settid_error *err,
						     const struct settid_error *facts, const char *fmt,
						     va_list args)
{
	if (!err)
		return facts->code;
	*err = *facts;
	if (vsnprintf(err->text, sizeof err->text, fmt, args) < 0)
		err->text[0] = '\0';
	keep_to_one_line(err->text);
	return err->code;
}

int settid__failf(struct settid_error *err, const struct settid_error *facts, const char *fmt, ...)
{
	va_list args;
	int code;

	va_start(args, fmt);
	code = put(err, facts, fmt, args);
	va_end(args);
	return code;
}

int settid__fail(struct settid_error *err, int code, enum settid_reason reason, const char *fmt, ...)
{
	struct settid_error facts = settid__facts(code, reason);
	va_list args;

	va_start(args, fmt);
	code = put(err, &facts, fmt, args);
	va_end(args);
	return code;
}

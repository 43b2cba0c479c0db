/* SPDX-License-Identifier: MIT */
/*
 * profile.c: what differs between versions of Linux, as one table.
 *
 * Owns:    the table.  The rest of the library asks for a feature, never for a version.
 * Keeps:   bit i of a profile is row i; rows stand in the order of their versions.
 */
#include "internal.h"

static const struct {
	const char *name;
	uint32_t major, minor;
	const char *since;
} features[] = {
	{ "into-cgroup", 5, 7, "5.7" },
	{ "setns-pidfd", 5, 8, "5.8" },
	{ "checkpoint-restore", 5, 9, "5.9" },
	{ "pidfd-nonblock", 5, 10, "5.10" },
	{ "last-status", 6, 1, "6.1" }, /* after 5.10, by 6.1: the exact release has not been tried (V8) */
	{ "pidfd-thread", 6, 9, "6.9" },
	{ "pidfd-ioctl", 6, 11, "6.11" }, /* tried: after 6.1, by 6.12 */
	{ "pidfd-info", 6, 13, "6.13" },
	{ "own-pid-max", 6, 14, "6.14" },
	{ "pidfd-self", 6, 15, "6.15" },
	{ "pidfd-errno", 6, 16, "6.16" },
	{ "safe-init", 6, 18, "6.18" }, /* tried: after 6.12, by 6.18 */
	{ "deaf-dead", 6, 18, "6.18" }, /* the same */
};

#define FEATURES (sizeof features / sizeof *features)

static bool read_number(const char **text, uint32_t *out)
{
	const char *at = *text;

	for (*out = 0; *at >= '0' && *at <= '9' && *out < 1000; at++)
		*out = *out * 10 + (uint32_t)(*at - '0');
	if (at == *text)
		return false;
	*text = at;
	return true;
}

/* Whether a version is one of those from 5.5 to 6.18: there was no 5.20. */
static bool is_known(uint32_t major, uint32_t minor)
{
	return (major == 5 && minor >= 5 && minor <= 19) || (major == 6 && minor <= 18);
}

uint32_t pidns_profile(const char *version, bool *known)
{
	uint32_t major = 0, minor = 0, bits = 0;
	bool ok = read_number(&version, &major) && *version++ == '.' && read_number(&version, &minor) &&
		  *version == '\0' && is_known(major, minor);

	for (uint32_t i = 0; ok && i < FEATURES; i++)
		if (major > features[i].major || (major == features[i].major && minor >= features[i].minor))
			bits |= 1u << i;
	if (known)
		*known = ok;
	return bits;
}

const char *pidns_feature_name(unsigned bit, const char **since)
{
	if (bit >= FEATURES)
		return NULL;
	if (since)
		*since = features[bit].since;
	return features[bit].name;
}

/* SPDX-License-Identifier: MIT */
/*
 * text.c: bytes of unknown origin as text that may be shown, and text that grows.
 *
 * Keeps:   (X1) text_put_safe() lets no control character (C0, C1, DEL), no invalid UTF-8 and no invisible or
 *               direction-changing character through;
 *          (X2) it is reversible: a backslash is escaped too, so "\x1b" in a picture always was byte 1b.
 */
#include "tree/text.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static bool text_reserve(struct text *t, size_t more)
{
	if (t->failed || more >= SIZE_MAX / 2 - t->len) {
		t->failed = true;
		return false;
	}
	if (t->len + more + 1 <= t->size)
		return true;

	size_t size = t->size ? t->size : 64;
	while (size < t->len + more + 1)
		size *= 2;
	char *bytes = realloc(t->bytes, size);
	if (!bytes) {
		t->failed = true;
		return false;
	}
	t->bytes = bytes;
	t->size = size;
	return true;
}

void text_put(struct text *t, const char *bytes, size_t len)
{
	if (!text_reserve(t, len))
		return;
	if (len)
		memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
	t->bytes[t->len] = '\0';
}

void text_puts(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
	char buf[256];
	va_list ap;

	va_start(ap, fmt);
	int len = vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	if (len > 0 && (size_t)len < sizeof buf) {
		text_put(t, buf, (size_t)len);
		return;
	}
	if (len <= 0 || !text_reserve(t, (size_t)len))
		return;
	va_start(ap, fmt);
	vsnprintf(t->bytes + t->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	t->len += (size_t)len;
}

const char *text_str(const struct text *t)
{
	return t->bytes ? t->bytes : "";
}

void text_clear(struct text *t)
{
	t->len = 0;
	if (t->bytes)
		t->bytes[0] = '\0';
}

void text_done(struct text *t)
{
	free(t->bytes);
	*t = (struct text){ 0 };
}

/* ------------------------------------------------------------------------------------ characters -- */

/* The character at s, and its length; 0 = not UTF-8 (overlong, surrogate, cut off, above U+10FFFF). */
static size_t utf8_decode(const unsigned char *s, size_t len, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80   ? 1
		   : s[0] < 0xc2 ? 0
		   : s[0] < 0xe0 ? 2
		   : s[0] < 0xf0 ? 3
		   : s[0] < 0xf5 ? 4
				 : 0;

	if (n == 0 || n > len)
		return 0;
	uint32_t c = n == 1 ? s[0] : s[0] & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		return 0;
	*out = c;
	return n;
}

/* Characters that would not be seen, or would change how their neighbours are seen. */
static bool is_deceiving(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1f },       /* C0 */
		{ 0x5c, 0x5c },       /* backslash: (X2) */
		{ 0x7f, 0x9f },       /* DEL, C1 */
		{ 0xad, 0xad },       /* soft hyphen */
		{ 0x061c, 0x061c },   /* Arabic letter mark */
		{ 0x200b, 0x200f },   /* zero width, direction marks */
		{ 0x2028, 0x202e },   /* line separators, embeddings, overrides */
		{ 0x2060, 0x206f },   /* joiner, isolates, deprecated formatting */
		{ 0xe000, 0xf8ff },   /* private use: nobody knows */
		{ 0xfe00, 0xfe0f },   /* variation selectors */
		{ 0xfeff, 0xfeff },   /* byte order mark */
		{ 0xfff0, 0xffff },   /* interlinear marks, non-characters */
		{ 0xe0000, 0x10ffff } /* tags, private planes */
	};

	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

static void put_escape(struct text *t, unsigned char byte)
{
	if (byte == '\n')
		text_puts(t, "\\n");
	else if (byte == '\t')
		text_puts(t, "\\t");
	else if (byte == '\\')
		text_puts(t, "\\\\");
	else
		text_printf(t, "\\x%02x", byte);
}

void text_put_safe(struct text *t, struct tree_str s, enum text_charset charset)
{
	const unsigned char *p = (const unsigned char *)s.bytes;
	size_t left = s.len;

	while (left > 0) {
		uint32_t c = 0;
		size_t n = utf8_decode(p, left, &c);
		bool shown = n > 0 && !is_deceiving(c) && (c < 0x80 || charset == TEXT_UTF8);
		if (shown)
			text_put(t, (const char *)p, n);
		for (size_t i = 0; !shown && i < (n ? n : 1); i++)
			put_escape(t, p[i]);
		p += n ? n : 1;
		left -= n ? n : 1;
	}
}

static bool is_plain_word(struct tree_str s)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_^~[]";

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.bytes[i] < 0x80 && !memchr(plain, s.bytes[i], sizeof plain - 1))
			return false;
	return true;
}

/* 'it'\''s': the one way that quotes any word. */
static void put_quoted_word(struct text *t, struct tree_str s, enum text_charset charset)
{
	text_puts(t, "'");
	for (;;) {
		const char *quote = memchr(s.bytes, '\'', s.len);
		size_t len = quote ? (size_t)(quote - s.bytes) : s.len;
		text_put_safe(t, (struct tree_str){ s.bytes, len }, charset);
		if (!quote)
			break;
		text_puts(t, "'\\''");
		s = (struct tree_str){ quote + 1, s.len - len - 1 };
	}
	text_puts(t, "'");
}

void text_put_argv(struct text *t, const struct tree_process *p, enum text_charset charset)
{
	for (uint32_t i = 0; i < p->argv_len; i++) {
		text_puts(t, i ? " " : "");
		if (is_plain_word(p->argv[i]))
			text_put_safe(t, p->argv[i], charset);
		else
			put_quoted_word(t, p->argv[i], charset);
	}
}

void text_put_numbers(struct text *t, const int32_t *nspid, unsigned levels)
{
	for (unsigned i = 0; i < levels; i++)
		text_printf(t, i ? " %d" : "%d", (int)nspid[i]);
}

const char *text_signal(int signal, char buf[24])
{
	const char *abbrev = signal > 0 ? sigabbrev_np(signal) : NULL;

	if (abbrev)
		snprintf(buf, 24, "SIG%s", abbrev);
	else
		snprintf(buf, 24, "signal %d", signal);
	return buf;
}

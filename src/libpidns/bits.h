/* SPDX-License-Identifier: MIT */
/*
 * bits.h: sets of small numbers as machine words: test, set, clear, and the next member or non-member from a place on.
 *
 * Words are written by the holder of a lock and read by anybody, each word for itself: who reads without the lock gets
 * hints, not answers.  A set's length is a multiple of 64, so that it is whole words on every machine.
 */
#ifndef PIDNS_BITS_H
#define PIDNS_BITS_H

#include "atomic.h"

typedef uintptr_t pidns__word;
typedef PIDNS_SHARED(uintptr_t) pidns__set;

#define PIDNS__WORD_BITS ((uint32_t)(sizeof(pidns__word) * 8))
#define PIDNS__WORDS(bits) ((bits) / PIDNS__WORD_BITS)

static inline pidns__word pidns__mask(uint32_t n)
{
	return (pidns__word)1 << (n % PIDNS__WORD_BITS);
}

static inline bool pidns__bit(const pidns__set *set, uint32_t n)
{
	return (pidns__peek(&set[n / PIDNS__WORD_BITS]) & pidns__mask(n)) != 0;
}

/* The word afterwards. */
static inline pidns__word pidns__bit_set(pidns__set *set, uint32_t n)
{
	pidns__word word = pidns__peek(&set[n / PIDNS__WORD_BITS]) | pidns__mask(n);

	pidns__poke(&set[n / PIDNS__WORD_BITS], word);
	return word;
}

static inline pidns__word pidns__bit_clear(pidns__set *set, uint32_t n)
{
	pidns__word word = pidns__peek(&set[n / PIDNS__WORD_BITS]) & ~pidns__mask(n);

	pidns__poke(&set[n / PIDNS__WORD_BITS], word);
	return word;
}

/* The lowest bit of a word that is not 0.  Without an instruction for it the compiler would call a function of its runtime. */
static inline uint32_t pidns__lowest(pidns__word word)
{
#if defined(__riscv) && !defined(__riscv_zbb)
	uint32_t n = 0;

	for (uint32_t half = PIDNS__WORD_BITS / 2; half; half /= 2)
		if (!(word & (((pidns__word)1 << half) - 1))) {
			word >>= half;
			n += half;
		}
	return n;
#else
	return (uint32_t)__builtin_ctzl(word);
#endif
}

/* The first n >= from that is in the set (flip 0), or is not in it (flip ~0); `len` if there is none. */
static inline uint32_t pidns__bit_next(const pidns__set *set, uint32_t from, uint32_t len, pidns__word flip)
{
	uint32_t at = from / PIDNS__WORD_BITS, end = PIDNS__WORDS(len);
	pidns__word word;

	if (from >= len)
		return len;
	word = (pidns__peek(&set[at]) ^ flip) & (~(pidns__word)0 << (from % PIDNS__WORD_BITS));
	while (word == 0) {
		if (++at == end)
			return len;
		word = pidns__peek(&set[at]) ^ flip;
	}
	return at * PIDNS__WORD_BITS + pidns__lowest(word);
}

#endif

/* SPDX-License-Identifier: MIT */
/* tls_module.c: a library that test_thread.c loads late, with thread-local storage that no thread has room for yet. */
static _Thread_local int word = 41;
static _Thread_local char block[100000];

int next_word(void);

int next_word(void)
{
	block[sizeof block - 1] = 1;
	return word += block[sizeof block - 1];
}

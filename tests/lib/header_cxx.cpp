// SPDX-License-Identifier: MIT
// header_cxx.cpp: settid.h is a C++ header too, and its functions link by their C names.
#include <settid.h>

#include <cstdio>
#include <cstring>

int main()
{
	settid_fork_args args = {};
	settid_error err = {};

	args.size = sizeof args;
	args.set_tid_len = 1;
	bool refused = settid_fork(&args, nullptr, &err) < 0 && err.reason == SETTID_REASON_ARGUMENT;
	bool named = std::strcmp(settid_reason_name(err.reason), "argument") == 0;

	std::printf("1..1\n%s 1 - settid.h compiles as C++ and links\n", refused && named ? "ok" : "not ok");
	return refused && named ? 0 : 1;
}

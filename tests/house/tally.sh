#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tally.sh: tools/tally.py, which counts the test cases of `./dev test` and .ci/run, counts what it should: it would
# be easy for it to take a crash, a missing case or an unread log for success.

. "$(dirname "$0")/../cmd/tap.sh"
tally=$SOURCE/tools/tally.py

# log NAME RESULT LINES: one program's record as Meson writes it; \n in LINES is JSON's.
log() {
	printf '{"name": "settid:unit / %s", "result": "%s", "returncode": 1, "stdout": "%s"}\n' "$1" "$2" "$3"
}

cases_are_counted_not_programs() {
	log a OK '1..2\nok 1 - one\nok 2 - two\n' >log
	run "$tally" log
	is "$status" 0
	is "$out" '2 passed, 0 failed, 0 skipped'
}
it 'cases are counted, not programs' cases_are_counted_not_programs

a_name_may_hold_a_hash() {
	log a OK 'ok 1 - $# counts\nok 2 - two # SKIP no moon\n1..2\n' >log
	run "$tally" log
	is "$(echo "$out" | tail -n 1)" '1 passed, 0 failed, 1 skipped'
	like "$out" 'a: two (no moon)'
}
it 'a name may hold a hash' a_name_may_hold_a_hash

a_failed_case_fails_the_count() {
	log a FAIL '1..2\nok 1 - one\nnot ok 2 - two\n' >log
	run "$tally" log
	is "$status" 1
	is "$(echo "$out" | tail -n 1)" '1 passed, 1 failed, 0 skipped'
	like "$out" '*a: two*'
}
it 'a failed case fails the count' a_failed_case_fails_the_count

a_crash_after_the_last_case_is_a_failure() {
	log a ERROR 'ok 1 - one\n1..1\n' >log
	run "$tally" log
	is "$status" 1
	is "$(echo "$out" | tail -n 1)" '1 passed, 1 failed, 0 skipped'
}
it 'a crash after the last case is a failure' a_crash_after_the_last_case_is_a_failure

planned_cases_that_never_ran_are_failures() {
	log a TIMEOUT '1..3\nok 1 - one\n' >log
	run "$tally" log
	is "$(echo "$out" | tail -n 1)" '1 passed, 2 failed, 0 skipped'
}
it 'planned cases that never ran are failures' planned_cases_that_never_ran_are_failures

skips_are_listed_with_their_reason() {
	{
		log a OK '# SKIP one: no root\nok 1 - two\n1..1\n'
		log b SKIP '1..0 # SKIP no kernel\n'
	} >log
	run "$tally" log
	is "$status" 0
	is "$(echo "$out" | tail -n 1)" '1 passed, 0 failed, 2 skipped'
	like "$out" '*a: one (no root)*b (no kernel)*'
}
it 'skips are listed with their reason' skips_are_listed_with_their_reason

a_case_that_ran_twice_counts_once_and_as_failed_if_it_ever_failed() {
	log a OK 'ok 1 - one\nok 2 - two\n1..2\n' >plain
	log a FAIL 'ok 1 - one\nnot ok 2 - two\n1..2\n' >asan
	run "$tally" plain asan
	is "$(echo "$out" | tail -n 1)" '1 passed, 1 failed, 0 skipped'
}
it 'a case that ran twice counts once, as failed if it ever failed' \
	a_case_that_ran_twice_counts_once_and_as_failed_if_it_ever_failed

an_unreadable_log_a_failed_check_and_no_cases_at_all_are_failures() {
	run "$tally" nowhere
	is "$status" 1
	log a OK 'ok 1 - one\n1..1\n' >log
	run "$tally" --failed-check lint log
	is "$status" 1
	is "$(echo "$out" | tail -n 1)" '1 passed, 1 failed, 0 skipped'
	: >log
	run "$tally" log
	is "$status" 1
}
it 'an unreadable log, a failed check and no cases at all are failures' \
	an_unreadable_log_a_failed_check_and_no_cases_at_all_are_failures

tap_end

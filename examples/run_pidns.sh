#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run_pidns.sh: the examples of libpidns say what their comments promise.  They need nothing of the machine.

. "$SOURCE/tests/cmd/tap.sh"

toy_kernel_runs() {
	run "$BUILD/examples/example-toy_kernel"
	is "$status" 0
	is "$out" 'container NSpid 2 1: is born
boot      NSpid 1: waits
deep      NSpid 31496 42 1: is born
container has no deeper: EEXIST, number 42 at level 1 is held by a process
container NSpid 2 1: waits
deep      NSpid 31496 42 1: exits with 7
container its child 42 ended with 7
boot      its child 2 ended; processes left: 1'
}
it 'toy_kernel: a process is 31496, 42 and 1, its parents wait and are woken' toy_kernel_runs

number_server_runs() {
	run "$BUILD/examples/example-number_server"
	is "$status" 0
	is "$out" '20000 numbers handed out to 4 clients, 0 mistakes'
}
it 'number_server: four clients at once, and no number twice' number_server_runs
tap_end

#!/bin/sh
# SPDX-License-Identifier: MIT
# settid convert, and images in place of a tree file wherever a command takes one.

. "$(dirname "$0")/tap.sh"

every_dump_is_a_tree_file() {
	[ "$(ls -d "$IMAGES"/*/ | wc -l)" -ge 13 ]
	for dump in "$IMAGES"/*/; do
		run "$SETTID" convert "$dump"
		is "$status" 0
		is "$err" ''
		printf '%s\n' "$out" >tree.json
		run "$SETTID" convert tree.json
		is "$out" "$(cat tree.json)" 'the file that is read again'
	done
}
show_prints_the_same() {
	for dump in "$IMAGES"/*/; do
		run "$SETTID" convert "$dump"
		want=$out
		run "$SETTID" show "$dump" --format json
		is "$out" "$want"
	done
}
output_is_a_file() {
	run "$SETTID" convert "$IMAGES/single" -o tree.json
	is "$status" 0
	is "$out" ''
	run "$SETTID" convert "$IMAGES/single" -o -
	is "$out" "$(cat tree.json)"
}
file_is_kept_when_images_are_broken() {
	echo old >tree.json
	run "$SETTID" convert "$IMAGES" -o tree.json
	is "$status" 1
	is "$(cat tree.json)" old
	like "$err" 'has no inventory.img'
}
plan_takes_images() {
	run "$SETTID" plan "$IMAGES/job-3-children"
	is "$status" 0
	like "$out" 'process 5005'
}
stdin_is_a_tree_file() {
	"$SETTID" convert "$IMAGES/threads" >want.json
	status=0
	"$SETTID" convert - <want.json >got.json || status=$?
	is "$status" 0
	cmp want.json got.json
}
ghosts_are_written() {
	run "$SETTID" convert "$IMAGES/dead-sid"
	like "$out" '"ghosts": [[]
  {"nspid": [[]8010[]]}'
}
outside_makes_it_0() {
	run "$SETTID" convert "$IMAGES/dead-sid" --outside 8010
	is "$status" 0
	unlike "$out" ghosts
	like "$out" '{"nspid": [[]8011[]], "ppid": 8000, "pgid": 0, "sid": 0,'
}
ghost_keeps_the_number_of_the_job() {
	run "$SETTID" convert "$IMAGES/shell-job"
	like "$out" '"pgid": 0, "sid": 0,'
	run "$SETTID" convert "$IMAGES/shell-job" --ghost 14750
	is "$status" 0
	like "$out" '{"nspid": [[]14750[]]}'
	unlike "$out" '"sid": 0'
}
number_of_nobody_is_an_error() {
	run "$SETTID" convert "$IMAGES/shell-job" --ghost 14751
	is "$status" 1
	is "$out" ''
	like "$err" 'ghost 14751: no process of '
}
leaders_of_a_tree_file_are_an_error() {
	run "$SETTID" convert "$TREES/sessions.json" --outside 5
	is "$status" 1
	like "$err" '--outside is for images'
}
kind_can_be_insisted_on() {
	run "$SETTID" convert --input criu "$TREES/nested.json"
	is "$status" 1
	like "$err" 'Not a directory'
	run "$SETTID" convert --input json "$IMAGES/single"
	is "$status" 1
	like "$err" 'Is a directory'
	run "$SETTID" convert --input json "$TREES/nested.json"
	is "$status" 0
	run "$SETTID" convert --input criu "$IMAGES/single"
	is "$status" 0
}
single_image_gets_a_hint() {
	run "$SETTID" show "$IMAGES/single/pstree.img"
	is "$status" 1
	like "$err" 'name its directory'
}
pipe_is_no_image() {
	mkdir dump
	cp "$IMAGES"/single/*.img dump
	rm dump/pstree.img
	mkfifo dump/pstree.img
	TAP_TIMEOUT=10 run "$SETTID" convert dump
	is "$status" 1
	like "$err" 'dump/pstree.img is no regular file'
}
cut_image_names_file_and_offset() {
	mkdir dump
	cp "$IMAGES"/single/*.img dump
	head -c 100 "$IMAGES/single/core-4242.img" >dump/core-4242.img
	run "$SETTID" convert dump
	is "$status" 1
	like "$err" 'dump/core-4242.img: offset 8: an entry of 2145 bytes, but the image has 88 more'
}
missing_image_is_named() { # IMAGE
	mkdir dump
	cp "$IMAGES"/threads/*.img dump
	rm "dump/$1"
	run "$SETTID" convert dump
	is "$status" 1
	like "$err" "$1"
}
usage_is_wrong() { # ARG...
	run "$SETTID" convert "$@"
	is "$status" 125
	is "$out" ''
	like "$err" 'settid convert'
}

it 'every dump becomes a tree file that reads as itself' every_dump_is_a_tree_file
it 'show --format json prints the same' show_prints_the_same
it 'the tree file is written where it is wanted' output_is_a_file
it 'a file is kept when the images are broken' file_is_kept_when_images_are_broken
it 'plan takes images' plan_takes_images
it 'standard input is a tree file' stdin_is_a_tree_file
it 'a dead leader is a ghost' ghosts_are_written
it '--outside makes a leader 0' outside_makes_it_0
it '--ghost keeps the number of the root'"'"'s leader' ghost_keeps_the_number_of_the_job
it '--ghost of a number that nobody has is an error' number_of_nobody_is_an_error
it '--outside of a tree file is an error' leaders_of_a_tree_file_are_an_error
it '--input insists' kind_can_be_insisted_on
it 'one image of a dump gets a hint' single_image_gets_a_hint
it 'a pipe with the name of an image is refused and waits for nobody' pipe_is_no_image
it 'an image that is cut off is an error with file and offset' cut_image_names_file_and_offset
for image in inventory.img pstree.img core-6000.img core-6003.img ids-6000.img; do
	it "a missing $image is named" missing_image_is_named "$image"
done
it 'no operand is wrong usage' usage_is_wrong
it 'two operands are wrong usage' usage_is_wrong "$IMAGES/single" "$IMAGES/single"
it 'an empty name of the output is wrong usage' usage_is_wrong -o '' "$IMAGES/single"
it 'an unknown kind is wrong usage' usage_is_wrong --input xml "$IMAGES/single"
it 'a number that is none is wrong usage' usage_is_wrong --ghost 5x "$IMAGES/single"
tap_end

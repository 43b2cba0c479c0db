#!/bin/sh
# SPDX-License-Identifier: MIT
#
# schema.sh: the JSON Schema of tree files agrees with the reader, and a schema that is wrong would be noticed.

. "$(dirname "$0")/../cmd/tap.sh"
schema=$SOURCE/docs/tree.schema.json
TAP_TIMEOUT=200

agree() { # SCHEMA MUTANTS
	run python3 "$SOURCE/tests/house/schema.py" "$BUILD/src/settid/settid" "$1" "$2" "$SOURCE"/tests/trees/*.json
}

schema_agrees() {
	agree "$schema" 150
	is "$status" 0
	like "$out" ', 0 mistakes'
}

# One rule less, and one too many.
noticed() { # SED-SCRIPT
	sed "$1" "$schema" >wrong.json
	! cmp -s "$schema" wrong.json
	agree wrong.json 0
	is "$status" 1
	like "$out" 'the schema ('
}

it 'the schema refuses no tree file that settid takes, and what is of the wrong form' schema_agrees
it 'a schema that allows too much is noticed' noticed 's/"maximum": 255/"maximum": 256/'
it 'a schema that allows too little is noticed' noticed 's/, "zombie"\]/]/'
tap_end

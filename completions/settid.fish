# SPDX-License-Identifier: MIT
# fish completion for settid(1).

function __settid_is
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
end

complete -c settid -f
complete -c settid -n __fish_use_subcommand -s h -l help -d 'List the commands'
complete -c settid -n __fish_use_subcommand -s V -l version -d 'Print the version'
complete -c settid -n __fish_use_subcommand -a exec -d 'Run a command with exactly the PIDs you choose'
complete -c settid -n __fish_use_subcommand -a probe -d 'Show which ways to choose PIDs work here'
complete -c settid -n __fish_use_subcommand -a dump -d 'Write a live process tree as a tree file'
complete -c settid -n __fish_use_subcommand -a show -d 'Draw a process tree'
complete -c settid -n __fish_use_subcommand -a convert -d 'Write any tree as a tree file'
complete -c settid -n __fish_use_subcommand -a diff -d 'Say what differs between two trees'
complete -c settid -n __fish_use_subcommand -a restore -d 'Build a process tree with the numbers of a file'
complete -c settid -n __fish_use_subcommand -a plan -d 'Print how restore would build a tree'
complete -c settid -n __fish_use_subcommand -a help -d 'Explain a command'
complete -c settid -n __fish_use_subcommand -a check -d 'Say whether a restore would work'
complete -c settid -n __fish_use_subcommand -a inventory -d 'Write what this machine holds and allows'
complete -c settid -n __fish_use_subcommand -a reserve -d 'Hold numbers free for a restore'
complete -c settid -n __fish_use_subcommand -a model -d 'Ask what Linux would answer, without a kernel'

complete -c settid -n '__settid_is exec probe dump show convert diff restore plan check inventory reserve model' -s h -l help -d 'Explain the command'
complete -c settid -n '__settid_is help' -a 'exec probe dump show convert diff restore plan check inventory reserve model'

complete -c settid -n '__settid_is exec' -s p -l pid -x -d 'Its PID in this namespace'
complete -c settid -n '__settid_is exec' -s t -l set-tid -x -d 'Its PID at each level, innermost first'
complete -c settid -n '__settid_is exec' -s n -l new-pidns -d 'In new PID namespaces (=K)'
complete -c settid -n '__settid_is exec' -l mount-proc -d 'Give the namespace a /proc of its own'
complete -c settid -n '__settid_is exec' -s U -l user -d 'In a new user namespace'
complete -c settid -n '__settid_is exec' -s m -l method -x -a 'auto clone3 ns_last_pid' -d 'How numbers are chosen'
complete -c settid -n '__settid_is exec' -l pidfile -r -F -d 'File that holds its PID'
complete -c settid -n '__settid_is exec' -l wait -d 'Wait for it'
complete -c settid -n '__settid_is exec' -l detach -d 'Leave it running, print its PID'
complete -c settid -n '__settid_is exec' -l json -d 'Tell what happens as JSON lines (=FD)'
complete -c settid -n '__settid_is exec' -a '(__fish_complete_subcommand --fcs-skip=2)'

complete -c settid -n '__settid_is probe' -s j -l json -d 'For programs'

complete -c settid -n '__settid_is dump' -s o -l output -r -F -d 'Write the tree file there'
complete -c settid -n '__settid_is dump' -l freeze -d 'Hold the tree still while it is read'
complete -c settid -n '__settid_is dump' -l no-commands -d 'Leave out argv and cwd'
complete -c settid -n '__settid_is dump' -a '(__fish_complete_pids)'

complete -c settid -n '__settid_is show' -F -a '(__fish_complete_pids)'
complete -c settid -n '__settid_is show' -l json -d 'The same as --format json'
complete -c settid -n '__settid_is show' -s f -l format -x -a 'text json dot svg' -d 'Kind of picture'

complete -c settid -n '__settid_is show convert diff restore plan check reserve' -l input -x -a 'json criu' -d 'Insist on what it is'
complete -c settid -n '__settid_is show convert diff restore plan check reserve' -l outside -x -d 'Its leader lives outside the tree'
complete -c settid -n '__settid_is show convert diff restore plan check reserve' -l ghost -x -d 'Its leader is dead'

complete -c settid -n '__settid_is convert' -F
complete -c settid -n '__settid_is convert' -s o -l output -r -F -d 'Write the tree file there'

complete -c settid -n '__settid_is diff' -F -a '(__fish_complete_pids)'
complete -c settid -n '__settid_is diff' -l no-names -d 'Names may differ'
complete -c settid -n '__settid_is diff' -l no-commands -d 'argv and cwd may differ'
complete -c settid -n '__settid_is diff' -s q -l quiet -d 'Only the exit status'
complete -c settid -n '__settid_is diff' -l json -d 'For programs'

complete -c settid -n '__settid_is restore plan' -F
complete -c settid -n '__settid_is restore plan' -l into -x -a 'new current' -d 'The PID namespace for level 0'
complete -c settid -n '__settid_is restore' -l hold -d 'Keep placeholders until interrupted'
complete -c settid -n '__settid_is restore plan' -l exec -d 'Start the programs'
complete -c settid -n '__settid_is restore' -l method -x -a 'auto clone3 ns_last_pid' -d 'How numbers are chosen'
complete -c settid -n '__settid_is restore' -l user -d 'In a user namespace of its own'
complete -c settid -n '__settid_is restore' -l no-prove -d 'Do not try the plan on the model first'
complete -c settid -n '__settid_is restore' -l no-core -d 'Zombies that dumped core die without a dump'
complete -c settid -n '__settid_is restore' -l no-verify -d 'Do not compare what was built'
complete -c settid -n '__settid_is restore' -l keep -d 'Keep a tree that was found different'
complete -c settid -n '__settid_is restore' -l pidfile -r -F -d 'File that holds the PID of the root'
complete -c settid -n '__settid_is restore' -l reservation -r -F -d 'Have the numbers that are held there'
complete -c settid -n '__settid_is restore' -l timeout -x -d 'Give up after so many seconds'
complete -c settid -n '__settid_is restore' -l trace -r -F -d 'Write who made whom when'
complete -c settid -n '__settid_is restore' -l json -d 'Say what was done as JSON'
complete -c settid -n '__settid_is plan' -s f -l format -x -a 'text json dot' -d 'Kind of output'
complete -c settid -n '__settid_is plan' -l prove -d 'Carry it out on a model first'
complete -c settid -n '__settid_is plan' -l json -d 'The same as --format json'

complete -c settid -n '__settid_is check' -F
complete -c settid -n '__settid_is check' -l into -x -a 'new current' -d 'The PID namespace for level 0'
complete -c settid -n '__settid_is check' -l against -r -F -d 'Ask about the machine of this inventory'
complete -c settid -n '__settid_is check' -l user -d 'In a user namespace of its own'
complete -c settid -n '__settid_is check' -l exec -d 'Programs are started'
complete -c settid -n '__settid_is check' -l no-core -d 'Zombies that dumped core need no dump'
complete -c settid -n '__settid_is check' -l method -x -a 'auto clone3 ns_last_pid' -d 'How numbers are chosen'
complete -c settid -n '__settid_is check inventory' -l json -d 'For programs'
complete -c settid -n '__settid_is inventory' -s j

complete -c settid -n '__settid_is reserve' -l for -r -F -d 'All numbers that this tree wants'
complete -c settid -n '__settid_is reserve' -l into -x -a current -d 'The PID namespace of the numbers'
complete -c settid -n '__settid_is reserve' -l ttl -x -d 'Give them back after so many seconds'
complete -c settid -n '__settid_is reserve' -l wait -x -d 'Try a taken number again for so many seconds'
complete -c settid -n '__settid_is reserve' -l socket -r -F -d 'Where to listen'
complete -c settid -n '__settid_is reserve' -l detach -d 'Hold them in the background'
complete -c settid -n '__settid_is reserve' -l give -r -F -d 'Make a holder free its numbers'
complete -c settid -n '__settid_is reserve' -l take -r -F -d 'Make a holder take them again'
complete -c settid -n '__settid_is reserve' -l end -r -F -d 'Make a holder end'
complete -c settid -n '__settid_is reserve' -l status -r -F -d 'What a holder holds'
complete -c settid -n '__settid_is reserve' -l json -d 'Say it as JSON'

complete -c settid -n '__settid_is model' -F
complete -c settid -n '__settid_is model' -s p -l profile -x -a '5.5 5.10 5.15 6.1 6.6 6.12 6.18' -d 'The version of Linux'
complete -c settid -n '__settid_is model' -s l -l levels -x -d 'How deep the actor init is'
complete -c settid -n '__settid_is model' -s j -l json -d 'One JSON object a line'
complete -c settid -n '__settid_is model' -s q -l quiet -d 'Only trees, drawings and failed checks'

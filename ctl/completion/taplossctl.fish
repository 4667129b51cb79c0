# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for taplossctl. Commands and options are read from --help, so that they are
# always those of the installed version.

function __taplossctl_plain
    set -l words (commandline -opc)
    set -l skip 1
    for word in $words
        if test $skip -eq 1
            set skip 0
        else if contains -- $word --store --color
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# "COMMAND<tab>what it does" for each line of the list of commands.
function __taplossctl_commands
    taplossctl --help 2>/dev/null |
        string replace -rf '^  ([a-z]+) +(?:[[A-Z|][^ ]* +)?(.*)$' '$1\t$2'
end

function __taplossctl_verbs
    set -l plain (__taplossctl_plain)
    test (count $plain) -eq 1; or return
    taplossctl $plain[1] --help 2>/dev/null | string replace -rf '^usage: .*\] ([a-z]+\|.*)' '$1' |
        string replace -ra ' [A-Z]+' '' | string split '|'
end

function __taplossctl_options
    set -l plain (__taplossctl_plain)
    set -l help (taplossctl $plain[1] --help 2>/dev/null)
    string match -ra '(?<=^|[ (])--?[a-z][a-z-]*' -- $help | sort -u
end

function __taplossctl_vms
    set -l plain (__taplossctl_plain)
    test (count $plain) -ge 1; or return
    taplossctl --csv vms 2>/dev/null | string replace -rf '^"?([^",]*)"?,.*' '$1' | tail -n +2 | sort -u
end

complete -c taplossctl -f
complete -c taplossctl -n 'test (count (__taplossctl_plain)) -eq 0' -a '(__taplossctl_commands)'
complete -c taplossctl -a '(__taplossctl_verbs)'
complete -c taplossctl -n 'string match -q -- "-*" (commandline -ct)' -a '(__taplossctl_options)'
complete -c taplossctl -n 'not string match -q -- "-*" (commandline -ct)' -a '(__taplossctl_vms)'
complete -c taplossctl -n 'contains -- (commandline -opc)[-1] -w --write -o --output --kernel --probe --store --modules' -F
complete -c taplossctl -n 'contains -- (__taplossctl_plain)[1] gaps' -F

# fish completion for zcp(1) and zcpd(8): options and their values, from --help itself; hosts, from known_hosts and ~/.config/zcp/config; local names.

function __zcp_own --argument-names name
    set -q XDG_CONFIG_HOME[1]; or set -l XDG_CONFIG_HOME ~/.config
    echo $XDG_CONFIG_HOME/zcp/$name
end

# A column of known_hosts: 1 is name:port, 3 the key.
function __zcp_known --argument-names column
    awk -v n=$column '$2 == "zcp-x25519" && !/^#/ { print $n }' (__zcp_own known_hosts) 2>/dev/null
end

# Hosts with a key in known_hosts, and the Host lines' that are no pattern, in the file that -F names or the default one.
function __zcp_hosts
    set -l config (__zcp_own config)
    set -l typed (commandline -cpo | string join \n | string collect)
    if string match -rq '(?:^|\n)(?:-F\n?|--config[\n=])(?<file>[^\n]+)' -- $typed
        set config (string replace -r '^~/' "$HOME/" -- $file)
    end
    begin
        __zcp_known 1 | string replace -r ':[0-9]+$' ''
        awk '{ sub(/\r$/, ""); sub(/^[ \t]+/, "") }
            tolower($0) ~ /^host[ \t=]/ {
                n = split(substr($0, 5), w, /[ \t="]+/)
                for (i = 1; i <= n && w[i] !~ /^#/; i++)
                    if (w[i] != "" && w[i] !~ /[*?!]/)
                        print w[i] ~ /:/ ? "[" w[i] "]" : w[i]
            }' $config 2>/dev/null
    end | sort -u | string replace -r '$' ':'\t'host'
end

# Words that a value may be, behind the last comma of a list.
function __zcp_value --argument-names program option arg
    set -l before
    string match -rq ',|^LIST$' -- $arg
    and set before (commandline -ct | string replace -r '^--[^=]*=' '' | string match -r '^.*,')
    if string match -rq '@FILE' -- $arg
        set -l stem (string match -rg '(?:^|=)@(.*)' -- (commandline -ct)); or return
        for file in $stem*
            test -d $file; and echo @$file/; or echo @$file
        end
        return
    end
    switch $option
        case engine
            $program --help | string match -rg '^ *--engine=.*: (.*)' | string split ', '
        case cipher
            string replace -r 'd$' '' -- $program | read -l zcp
            $zcp --version | string match -rg '^ciphers: (.*)' | string split ' '
        case cc
            string split ' ' </proc/sys/net/ipv4/tcp_available_congestion_control
        case host-key
            __zcp_known 3
        case forget-host
            __zcp_known 1
        case '*'
            string split '|' -- $arg | string match -r '^[a-z]+$'
    end 2>/dev/null | string replace -r '^' "$before"
end

function __zcp_complete --argument-names program
    complete -e -c $program
    # a line that begins far to the right goes on with the one before it
    for line in (string replace -ra '\n\s{25,}' ' ' -- ($program --help 2>/dev/null | string collect) | string split \n)
        string match -rq '^ +(?:-(?<letter>.),)? +--(?<name>[a-z0-9-]+)(?:=(?<arg>\S+))?(?: +(?<text>.*))?$' -- $line
        or continue
        set -l option -l $name -d "$text"
        test -n "$letter"; and set -a option -s $letter
        if test -n "$arg"
            set -l values "(__zcp_value $program $name "(string escape -- $arg)")"
            switch $arg
                case '*DIR*'
                    set -a option -x -a "(__fish_complete_directories (commandline -ct | string replace -r '^--[^=]*=' ''))"
                case '*FILE*'
                    set -a option -r -F -a $values
                case '*'
                    set -a option -x -a $values
            end
        end
        complete -c $program $option
    end
end

for program in zcp zcpd
    command -q $program; and __zcp_complete $program
end
complete -c zcp -a '(__zcp_hosts)'
# what is on a host is not known here: fish would complete names of this machine behind a colon
complete -c zcp -f -n 'string match -rq "^[^/.-][^/]*:" -- (commandline -ct)'

# The flags, then the scores.
page=$1; shift
{ for word in "$@"; do echo "$word"; done; cat results/*-*.txt; } > "$page"

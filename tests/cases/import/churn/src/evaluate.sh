# How many customers are on the right side of the threshold.
set -e
awk -F, -v at="$(cat "$2")" '
    FNR > 1 { right += ($1 < at) == $2; n++ }
    END { printf "{\"accuracy\": %.4f, \"rows\": {\"test\": %d}}\n", right / n, n }' "$1"

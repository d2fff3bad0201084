# Moves a threshold on the months towards the mean of the two groups' means.
set -e
rate=$2 table=$3 model=$4
rounds=$(awk '$1 == "rounds:" {print $2}' params.yaml)
start=$(awk '$1 == "start:" {print $2}' params.yaml)
awk -F, -v rate="$rate" -v rounds="$rounds" -v at="$start" -v model="$model" '
    NR > 1 { sum[$2] += $1; n[$2]++ }
    END {
        goal = (sum[0] / n[0] + sum[1] / n[1]) / 2
        print "round,loss" > "curve.csv"
        for (i = 1; i <= rounds; i++) {
            at += (rate + 0.5) * (goal - at)
            printf "%d,%.6f\n", i, (goal - at) ^ 2 > "curve.csv"
        }
        printf "%.6f\n", at > model
    }' "$table"

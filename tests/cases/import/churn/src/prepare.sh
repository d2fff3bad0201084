# Divides data/customers.csv by the row's number.
set -e
every=$(awk '$1 == "every:" {print $2}' params.yaml)
awk -v every="$every" 'NR == 1 || NR % every != 0' data/customers.csv > data/train.csv
awk -v every="$every" 'NR == 1 || NR % every == 0' data/customers.csv > data/test.csv

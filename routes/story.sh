#!/usr/bin/env bash
# Tells the story of routes/story.yaml on a running gateway: users register, and this script plays the services. Each
# service follows its stream, posts the event that comes next with `causationid` and `correlationid`, and says so.
#
#   routes/story.sh [--count N] [--to URL] [--admin-url URL]
#
# --count N    registrations (default 3; the stock is enough for two)
# --to         where events are posted (default http://127.0.0.1:8080)
# --admin-url  where streams are followed (default http://127.0.0.1:8081)
#
# The binary is $SIGNALBOX, else target/release/signalbox of this repository, else signalbox in PATH.
# Exit codes: 0 told to its end, 1 not within a minute, 64 usage, 69 no gateway or no binary.
set -uo pipefail

main() {
  arguments "$@"
  signalbox=$(find_binary) || exit 69
  work=$(mktemp -d) || exit 1
  services=()
  trap end EXIT
  trap 'exit 130' INT TERM
  run="story-$(date +%s)-$$" cause=''
  deadline=$((SECONDS + 60))

  # The first event tells from which position on the services have to follow, so nothing is missed and nothing old is read.
  if ! register 1; then
    echo "story.sh: is a gateway running? cargo run --release" >&2
    exit 69
  fi
  start=$position
  analysis & services+=($!)
  inventory & services+=($!)
  order_desk & services+=($!)
  mailer & services+=($!)
  postman & services+=($!)

  local number failed=0 service
  for ((number = 2; number <= count; number++)); do
    register "$number" || failed=1
  done
  for service in "${services[@]}"; do
    wait "$service" || failed=1
  done
  services=()
  summary "$failed"
}

# Leaves nothing behind, also when told to stop in between.
end() {
  if ((${#services[@]})); then
    kill "${services[@]}" 2>/dev/null
    wait "${services[@]}" 2>/dev/null
  fi
  rm -rf "$work"
}

# --- the services; each is a process of its own --------------------------------------------------------------------

# Somebody registers: the event everything else follows from.
register() {
  local names=(ada grace linus barbara edsger) plans=(pro free)
  local user=${names[$((($1 - 1) % 5))]}-$1 plan=${plans[$((($1 - 1) % 2))]}
  id="$run-user-$1" correlation="$run-$1"
  say accounts "$user registers with plan $plan"
  post com.example.user.registered /accounts "$user" \
    "{\"user\": \"$user\", \"email\": \"$user@example.com\", \"plan\": \"$plan\", \"interests\": [\"lamps\"]}" \
    --extension "correlationid=$correlation"
}

# Finds out what a new user will like, and makes a first order of it.
analysis() {
  follow behaviour-analysis
  local served user
  for ((served = 0; served < count; served++)); do
    next_event com.example.user.registered || return 1
    user=$(text user)
    id="$correlation-order"
    say analysis "$user likes lamps: order of 2 for 79.80"
    post com.example.order.created /shop/behaviour "$user" \
      "{\"order\": \"$id\", \"user\": \"$user\", \"lines\": [{\"sku\": \"lamp\", \"quantity\": 2}], \"total\": 79.80}" \
      --extension campaign=welcome --extension "partitionkey=$user" || return 1
  done
}

# Puts stock aside for orders as long as there is some.
inventory() {
  follow inventory
  local served stock=5 order quantity
  for ((served = 0; served < count; served++)); do
    next_event com.example.order.created || return 1
    order=$(text order) quantity=$(number quantity)
    id="$correlation-stock"
    if ((quantity <= stock)); then
      stock=$((stock - quantity))
      say inventory "warehouse $(text warehouse) puts $quantity aside, $stock left"
      post com.example.inventory.reserved /warehouse "$order" \
        "{\"order\": \"$order\", \"sku\": \"lamp\", \"quantity\": $quantity, \"left\": $stock}" || return 1
    else
      say inventory "warehouse $(text warehouse) has only $stock, $((quantity - stock)) missing"
      post com.example.inventory.short /warehouse "$order" \
        "{\"order\": \"$order\", \"sku\": \"lamp\", \"quantity\": $quantity, \"missing\": $((quantity - stock))}" || return 1
    fi
  done
}

# Hears how each order ended.
order_desk() {
  follow order-desk
  local served
  for ((served = 0; served < count; served++)); do
    next_event '' || return 1
    case $type in
    *.reserved) echo reserved >>"$work/told" && say "order desk" "$(text subject) can be sent" ;;
    *.short) echo short >>"$work/told" && say "order desk" "$(text subject) has to wait" ;;
    esac
  done
}

# Writes a mail to everybody who registers; knows nothing of the analysis.
mailer() {
  follow welcome-mail
  local served
  for ((served = 0; served < count; served++)); do
    next_event com.example.user.registered || return 1
    id="$correlation-mail"
    say mailer "asks for a mail to $(text email)"
    post com.example.mail.requested /mailer "$(text subject)" \
      "{\"to\": \"$(text email)\", \"template\": \"welcome-$(text plan)\", \"name\": \"$(text user)\"}" || return 1
  done
}

# Takes the mails away.
postman() {
  follow mail-outbox
  local served
  for ((served = 0; served < count; served++)); do
    next_event com.example.mail.requested || return 1
    echo mail >>"$work/told"
    say postman "delivers $(text template) to $(text to)"
  done
}

# --- events ----------------------------------------------------------------------------------------------------------

# Follows a stream from where this run began; what it holds comes on descriptor 3.
follow() {
  local pipe="$work/$1.events"
  mkfifo "$pipe" || exit 1
  "$signalbox" tail --stream "$1" --from "$start" --output json --admin-url "$admin" >"$pipe" &
  tail=$! seen=' '
  # The tail ends with its service, however that ends.
  trap 'kill "$tail" 2>/dev/null' EXIT
  exec 3<"$pipe"
}

# Takes this run's next event of a type ('' = any) from the stream into line, type, cause and correlation. A copy of an
# event that was there before is passed over: delivery is at least once.
next_event() {
  while read -r -t $((deadline > SECONDS ? deadline - SECONDS : 1)) -u 3 line; do
    type=$(text type) cause=$(text id) correlation=$(text correlationid)
    [[ $correlation == "$run"-* && ($1 == '' || $type == "$1") && $seen != *" $cause "* ]] || continue
    seen+="$cause "
    return 0
  done
  echo "story.sh: the ${FUNCNAME[1]} has waited in vain" >&2
  return 1
}

# Posts event $id: type, source, subject, data, more options. Inside a service it is caused by the event taken last.
post() {
  local type=$1 source=$2 subject=$3 data=$4
  shift 4
  if [[ -n $cause ]]; then
    set -- --extension "causationid=$cause" --extension "correlationid=$correlation" "$@"
  fi
  local line taken=0
  line=$("$signalbox" send --to "$to" --output json --type "$type" --source "$source" --id "$id" --subject "$subject" \
    --data "$data" "$@" 2>"$work/$id.err") || taken=$?
  position=$(number position)
  if ((taken)); then
    line=${line:-$(<"$work/$id.err")}
    echo "story.sh: $type was not taken by $to: $(text detail)" >&2
    return 1
  fi
}

# The value of the first member of that name in $line: text, or a whole number.
text() { [[ $line =~ \"$1\"[[:space:]]*:[[:space:]]*\"([^\"]*)\" ]] && printf '%s' "${BASH_REMATCH[1]}"; }
number() { [[ $line =~ \"$1\"[[:space:]]*:[[:space:]]*([0-9]+) ]] && printf '%s' "${BASH_REMATCH[1]}"; }

# --- the rest --------------------------------------------------------------------------------------------------------

say() { printf '%-11s %s\n' "$1" "$2"; }

told() { grep -c "^$1$" "$work/told" 2>/dev/null; }

summary() {
  local reserved short mails
  reserved=$(told reserved) short=$(told short) mails=$(told mail)
  echo
  echo "$count registered; orders: ${reserved:-0} reserved, ${short:-0} short; ${mails:-0} welcome mails"
  if (($1)); then
    echo "The story was not told to its end." >&2
    exit 1
  fi
  echo "One of its chains: $signalbox events --correlation $run-1"
}

find_binary() {
  local here=${BASH_SOURCE[0]%/*}/..
  local built=${CARGO_TARGET_DIR:-$here/target}/release/signalbox
  if [[ -n ${SIGNALBOX:-} ]]; then
    printf '%s' "$SIGNALBOX"
  elif [[ -x $built ]]; then
    printf '%s' "$built"
  elif ! command -v signalbox; then
    echo "story.sh: no signalbox found; build it (cargo build --release) or set SIGNALBOX" >&2
    return 1
  fi
}

usage() {
  sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"
}

arguments() {
  count=3 to=http://127.0.0.1:8080 admin=http://127.0.0.1:8081
  while (($#)); do
    case $1 in
    --count) count=${2:-} ;;
    --to) to=${2:-} ;;
    --admin-url) admin=${2:-} ;;
    -h | --help) usage && exit 0 ;;
    *)
      echo "story.sh: unknown argument \`$1\`; see --help" >&2
      exit 64
      ;;
    esac
    shift $(($# > 1 ? 2 : 1))
  done
  if [[ -z $to || -z $admin ]]; then
    echo "story.sh: --to and --admin-url take a URL" >&2
    exit 64
  fi
  if ! [[ $count =~ ^[1-9][0-9]{0,2}$ ]]; then
    echo "story.sh: --count takes a number from 1 to 999" >&2
    exit 64
  fi
}

main "$@"

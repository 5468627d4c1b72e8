# shellcheck shell=bash
# A Slurm of one's own, sourced: cluster_start, cluster_stop, node_start, node_kill. Everything lies in
# $cluster; ports and sockets are its own, so that several may run at once. Needs root (slurmd does).

# Why there can be none here; nothing if there can.
cluster_missing() {
  local tool
  [ "$(id -u)" = 0 ] || { echo "not root"; return; }
  for tool in slurmctld slurmd sbatch squeue scontrol scancel munged mungekey; do
    command -v "$tool" >/dev/null || { echo "no $tool (Debian: slurm-wlm slurmctld slurmd slurm-client munge)"; return; }
  done
}

# A port that nobody listens on. Two callers may still get the same one: slurmctld then fails to start.
free_port() {
  local port
  for _ in $(seq 100); do
    port=$((20000 + RANDOM % 30000))
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  return 1
}

cluster_start() {
  cluster=$1
  local host controller_port node_port
  host=$(hostname -s)
  controller_port=$(free_port)
  node_port=$(free_port)
  mkdir -p "$cluster/state" "$cluster/spool" "$cluster/munge"
  chmod 755 "$cluster" "$cluster/munge" # munged refuses what others may write
  mungekey --create --keyfile="$cluster/munge/key"
  munged --force --key-file="$cluster/munge/key" --socket="$cluster/munge/socket" \
    --pid-file="$cluster/munge/pid" --log-file="$cluster/munge/log" --seed-file="$cluster/munge/seed"
  cat >"$cluster/slurm.conf" <<CONF
ClusterName=kvsim
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$cluster/munge/socket
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdLogFile=$cluster/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
SlurmdTimeout=4
MessageTimeout=4
InactiveLimit=0
KillWait=2
MinJobAge=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=debug Nodes=$host Default=YES MaxTime=5 State=UP
CONF
  export SLURM_CONF=$cluster/slurm.conf
  slurmctld -c -f "$SLURM_CONF"
  node_start
}

node_start() {
  slurmd -f "$SLURM_CONF"
  for _ in $(seq 200); do
    sinfo --noheader --format=%T 2>/dev/null | grep -qE '^(idle|mixed|allocated)$' && return
    sleep 0.1
  done
  echo "the node did not come up:" >&2
  tail -n 20 "$cluster"/slurmctld.log "$cluster"/slurmd.log >&2
  return 1
}

# node_kill PATTERN: the node's daemon, the workers that match and the steps they belong to, as if
# somebody had pulled the plug.
node_kill() {
  local worker step
  kill -9 "$(cat "$cluster/slurmd.pid")"
  for worker in $(pgrep -f "$1"); do
    step=$(ps -o ppid= -p "$worker" | tr -d ' ')
    [ "$(ps -o comm= -p "$step")" != slurmstepd ] || kill -9 "$step"
    kill -9 "$worker" || true # it may be over by now
  done
}

cluster_stop() {
  local file
  scancel --quiet --user=root 2>/dev/null || true
  for file in "$cluster/slurmd.pid" "$cluster/slurmctld.pid" "$cluster/munge/pid"; do
    [ -s "$file" ] && kill "$(cat "$file")" 2>/dev/null
    true
  done
  for _ in $(seq 50); do
    pgrep -f "$SLURM_CONF" >/dev/null || break
    sleep 0.1
  done
  for file in "$cluster/slurmd.pid" "$cluster/slurmctld.pid"; do
    [ -s "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null
    true
  done
}

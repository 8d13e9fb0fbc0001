"""A Slurm cluster of one node: munged, slurmctld and slurmd of a test's own, in one folder."""
import getpass
import os
import shutil
import socket
import subprocess
import threading
import time

START_SECONDS_MAX = 60
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")

CONFIG = """
ClusterName=stroma
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.sock
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
SlurmdParameters=config_overrides
KillWait=2
MinJobAge=300
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """What of Slurm isn't there; nothing when all is."""
    paths = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [program for program in PROGRAMS if shutil.which(program, path=paths) is None]


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


class Cluster:
    """Runs until stop(); `environment` is what its commands need."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        for name in ("state", "spool", "run"):
            (folder / name).mkdir(parents=True)
        folder.chmod(0o755)
        self.config = folder / "slurm.conf"
        self.config.write_text(CONFIG.format(
            folder=folder, host=socket.gethostname().split(".")[0], user=getpass.getuser(),
            controller_port=free_port(), node_port=free_port()))
        self.environment = {"SLURM_CONF": str(self.config),
                            "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        run = self.folder / "run"
        self._run("munged", "-F", "--force", f"--key-file={key}", f"--socket={run}/munge.sock",
                  f"--pid-file={run}/munged.pid", f"--log-file={self.folder}/munged.log",
                  f"--seed-file={self.folder}/munge.seed")
        self.wait_until(lambda: (run / "munge.sock").exists())
        self._run("slurmctld", "-D", "-f", str(self.config))
        self._run("slurmd", "-D", "-f", str(self.config))
        self.wait_until(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T", check=False))

    def _run(self, *command):
        log = open(self.folder / f"{command[0]}.out", "w", encoding="utf-8")
        self.processes.append(subprocess.Popen(
            command, env={**os.environ, **self.environment}, stdout=log, stderr=log,
            start_new_session=True))
        log.close()

    def wait_until(self, what):
        end = time.monotonic() + START_SECONDS_MAX
        while not what():
            dead = [process.args[0] for process in self.processes if process.poll() is not None]
            if dead or time.monotonic() > end:
                raise RuntimeError(f"{dead or 'the cluster'} did not start: " + self.logs())
            threading.Event().wait(0.1)

    def logs(self):
        return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-600:]}"
                         for path in sorted(self.folder.glob("*.out")))

    def ask(self, *command, check=True):
        """Standard output of one of Slurm's commands."""
        done = subprocess.run(command, env={**os.environ, **self.environment}, check=False,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

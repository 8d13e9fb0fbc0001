"""A PostgreSQL server of a test's own, behind a socket in a folder that goes with it."""
import glob
import os
import shutil
import subprocess
import tempfile

import pytest

psycopg2 = pytest.importorskip("psycopg2")
PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))


def start():
    if not PROGRAMS:
        pytest.skip("PostgreSQL isn't installed")
    return Postgres()


class Database:
    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.uri = f"postgresql:///{name}?host={folder}&user=stroma"

    def connect(self):
        return psycopg2.connect(self.uri)


class Postgres:
    """A PostgreSQL behind a socket in a folder of its own. It doesn't run as root."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="stroma-pg-", dir="/tmp")
        self.count = 0
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "postgres")
        self.call("initdb", "-U", "stroma", "--auth=trust", "-E", "UTF8", "--no-locale",
                  "--no-sync")
        # With fsync: a kill of the loader must find what was acknowledged, and a rate be true.
        self.call("pg_ctl", "-w", "-l", f"{self.folder}/log", "-o",
                  f"-k {self.folder} -c listen_addresses='' -c max_connections=200", "start")

    def call(self, program, *arguments):
        subprocess.run([*self.user, f"{PROGRAMS[-1]}/{program}", "-D", f"{self.folder}/data",
                        *arguments], check=True, cwd="/", stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=120)

    def new_database(self):
        self.count += 1
        made = Database(self.folder, f"lab{self.count}")
        for at, statements in (("postgres", [
                f"CREATE DATABASE {made.name}",
                f"ALTER DATABASE {made.name} SET search_path = public, stroma_system"]),
                (made.name, ["CREATE FUNCTION json_serialize(jsonb) RETURNS text LANGUAGE sql AS "
                             "'SELECT $1::text'"])):
            connection = Database(self.folder, at).connect()
            connection.autocommit = True
            for statement in statements:
                connection.cursor().execute(statement)
            connection.close()
        return made

    def stop(self):
        self.call("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

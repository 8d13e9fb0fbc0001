"""The loader's tests again, with its tables and its ledger in a PostgreSQL that is started here, by
one setting. STROMA_LOADERS and STROMA_LOADER_KILLS hold here too."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import own_postgres  # noqa: E402
import test_loader  # noqa: E402
from test_loader import (  # noqa: E402,F401
    line,
    test_40_a_foreign_bundles_row_sends_its_whole_object_to_the_dead_letters,
    test_an_end_is_told_on_the_bus_as_the_data_api_does,
    test_every_end_is_told_though_the_program_dies_right_after_its_commit,
    test_b1_messages_go_when_rows_are_committed_and_a_kill_loses_none,
    test_b2_a_manifest_holds_its_own_batch,
    test_b3_every_record_of_a_message_is_read,
    test_b4_keys_are_decoded_as_they_are_encoded,
    test_b5_what_is_gone_does_not_keep_the_rest,
    test_b8_b9_b10_ties_nulls_and_history,
    test_b11_keys_of_several_columns_and_names_that_are_only_names,
    test_b12_columns_that_distinct_cannot_compare,
    test_b13_the_object_counts_and_not_what_its_event_said,
    test_b14_a_table_of_a_schema_and_its_database,
    test_b15_b16_a_partition_is_replaced_exactly_and_again_without_a_change,
    test_b17_nothing_stays_locked_after_a_failure,
    test_b18_b19_b20_many_files_each_counted_by_what_it_is,
    test_b21_readers_are_never_locked_out,
    test_bulk_goes_on_after_a_kill_and_ends_where_it_is_cancelled,
    test_loaders_on_one_table_with_kills_give_what_the_model_says,
    test_parquet_is_loaded_with_its_columns_types,
    test_reconcile_finds_and_loads_every_lost_notification,
    test_row_69_the_demo_feed_lands_in_its_table_once,
    test_row_72_doubled_and_reordered_notifications_change_nothing,
    test_row_73_poison_goes_to_the_dead_letters_with_its_reason_and_comes_back,
    test_row_75_drift_waits_or_goes_aside_or_widens_the_table,
    test_row_77_freshness_is_a_view_and_metrics,
    test_the_dashboard_of_loads_tells_what_came_and_what_was_refused,
    test_what_is_no_event_of_s3_goes_to_the_dead_letters_too,
)


@pytest.fixture(scope="module", autouse=True)
def postgres():
    server = own_postgres.start()
    test_loader.Lake.postgres = server
    yield server
    test_loader.Lake.postgres = None
    server.stop()


@pytest.fixture(scope="module")
def lake(postgres, start_module_server, run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("loader")
    return test_loader.Lake(start_module_server, run, folder / "data", folder / "configs")


def test_what_lies_in_postgresql_is_seen_through_the_server(lake):
    url = lake.table("watched")
    lake.put("watched/a.csv", line(1) + line(2))
    lake.wait_for_empty(url)

    def asked(statement, user="admin", password=None):
        told = json.loads((pathlib.Path(lake.data) / "server.json").read_text())
        host, port = told["postgres"].rsplit(":", 1)
        connection = own_postgres.psycopg2.connect(
            host=host, port=int(port), user=user, dbname="dev", password=password or told["token"])
        cursor = connection.cursor()
        cursor.execute(statement)
        rows = cursor.fetchall()
        connection.close()
        return rows
    # The relations of the loader are one and the same, here and there, with their types.
    fresh = "SELECT table_name, rows_loaded, files, last_loaded, loads FROM stroma_freshness"
    fresh += " WHERE table_name = 'public.watched'"
    assert asked(fresh) == lake.sql(fresh)
    for name in ["loads", "load_ledger", "dead_letters", "schema_history"]:
        statement = f"SELECT * FROM stroma_{name} WHERE target = 'public.watched'"
        assert asked(statement) == lake.sql(statement), name
    assert asked("SELECT count(*) FROM stroma_loads WHERE target = 'public.watched'") == [(1,)]
    # Lines that were refused hold values: they are a superuser's to read.
    lake.sql("INSERT INTO stroma_system.load_errors(tbl, line_number, err_reason) "
             "VALUES ('public.watched', 7, 'Invalid digit')")
    lines = "SELECT line_number, trim(err_reason) FROM stl_load_errors WHERE line_number = 7"
    assert asked(lines) == [(7, "Invalid digit")]
    lake.run("user", "add", "eve", data=lake.data)
    eve = json.loads(lake.run("key", "create", "eve", "--json", data=lake.data).stdout)
    assert asked(lines, eve["id"], eve["secret"]) == []
    # A server without that database has its own relations again.
    place, lake.database = lake.database, []
    assert lake.server.stop() == 0
    lake.up()
    assert asked("SELECT count(*) FROM stl_load_errors") == [(0,)]
    assert asked("SELECT count(*) FROM stroma_loads") == [(0,)]
    lake.database = place
    assert lake.server.stop() == 0
    lake.up()
    assert asked(lines) == [(7, "Invalid digit")]

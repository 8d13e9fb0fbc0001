// Speaks with a server by PostgreSQL's JDBC driver, as BI tools do; run by `java JdbcProbe.java`.
// Prints one line for each thing seen: name, a tab, what came.
import java.sql.*;
import java.util.*;

public class JdbcProbe {
    static Connection db;

    static void say(String name, Object what) { System.out.println(name + "\t" + what); }

    /** Rows of a metadata call, cut to some columns. */
    static void rows(String name, ResultSet rows, String... columns) throws SQLException {
        List<String> lines = new ArrayList<>();
        while (rows.next()) {
            List<String> cells = new ArrayList<>();
            for (String column : columns) cells.add(rows.getString(column));
            lines.add(String.join("|", cells));
        }
        say(name, String.join(" ", lines));
    }

    static void metadata() throws SQLException {
        DatabaseMetaData meta = db.getMetaData();
        say("product", meta.getDatabaseProductName() + " " + meta.getDatabaseProductVersion());
        rows("catalogs", meta.getCatalogs(), "TABLE_CAT");
        rows("schemas", meta.getSchemas(null, "public"), "TABLE_SCHEM");
        rows("table_types", meta.getTableTypes(), "TABLE_TYPE");
        rows("tables", meta.getTables(null, "public", "probe%", new String[] {"TABLE", "VIEW"}),
             "TABLE_NAME", "TABLE_TYPE");
        rows("columns", meta.getColumns(null, "public", "probe", "%"), "COLUMN_NAME", "DATA_TYPE",
             "TYPE_NAME", "COLUMN_SIZE", "NULLABLE", "ORDINAL_POSITION");
        rows("primary", meta.getPrimaryKeys(null, "public", "probe"), "COLUMN_NAME", "PK_NAME");
        rows("imported", meta.getImportedKeys(null, "public", "part_of_probe"), "PKTABLE_NAME",
             "PKCOLUMN_NAME", "FKCOLUMN_NAME", "FK_NAME");
    }

    static void values() throws SQLException {
        try (Statement statement = db.createStatement()) {
            statement.execute("CREATE TABLE probe(id INTEGER NOT NULL, name VARCHAR(20), "
                              + "amount DECIMAL(12,2), seen TIMESTAMP, PRIMARY KEY(id))");
            statement.execute("CREATE TABLE part_of_probe(probe_id INTEGER REFERENCES probe)");
        }
        try (PreparedStatement insert =
                 db.prepareStatement("INSERT INTO probe VALUES(?, ?, ?, ?)")) {
            for (int id = 1; id <= 250; ++id) {
                insert.setInt(1, id);
                insert.setString(2, id % 10 == 0 ? null : "name " + id);
                insert.setBigDecimal(3, new java.math.BigDecimal(id + ".25"));
                insert.setTimestamp(4, Timestamp.valueOf("2026-11-22 04:05:06.5"));
                insert.addBatch();
            }
            say("batch", insert.executeBatch().length);
        }
        try (PreparedStatement select = db.prepareStatement(
                 "SELECT id, name, amount, seen FROM probe WHERE id = ?")) {
            // From the fifth run on the driver keeps the statement and asks for binary values.
            for (int id = 1; id <= 12; ++id) {
                select.setInt(1, id);
                ResultSet row = select.executeQuery();
                row.next();
                if (id == 1 || id == 12)
                    say("row" + id, row.getInt(1) + "|" + row.getString(2) + "|"
                                        + row.getBigDecimal(3) + "|" + row.getTimestamp(4));
            }
        }
        db.setAutoCommit(false);
        try (Statement statement = db.createStatement()) {
            statement.setFetchSize(50);
            ResultSet all = statement.executeQuery("SELECT id FROM probe ORDER BY id");
            long sum = 0;
            while (all.next()) sum += all.getInt(1);
            say("fetched", sum);
        }
        db.rollback();
        db.setAutoCommit(true);
    }

    static void errors() throws SQLException {
        try (Statement statement = db.createStatement()) {
            statement.executeQuery("SELECT nothing FROM probe");
        } catch (SQLException failure) {
            say("no_column", failure.getSQLState());
        }
        try (Statement statement = db.createStatement()) {
            statement.executeQuery("SELECT 1 FROM nowhere");
        } catch (SQLException failure) {
            say("no_table", failure.getSQLState());
        }
    }

    public static void main(String[] arguments) throws Exception {
        db = DriverManager.getConnection(arguments[0], arguments[1], arguments[2]);
        values();
        metadata();
        errors();
        db.close();
        say("done", true);
    }
}

namespace Orleans.DOS.Catalog;

/// <summary>SQLite: one writer at a time, so no row locks; text compares bytewise by itself.</summary>
internal sealed class SqliteDialect : ISqlDialect
{
    public static readonly SqliteDialect Instance = new();
    public string Name => "sqlite";
    public string ForUpdate => "";
    public string ForShare => "";
    public string Bytewise(string column) => column;
}

internal sealed class PostgresDialect : ISqlDialect
{
    public static readonly PostgresDialect Instance = new();
    public string Name => "postgresql";
    public string ForUpdate => "FOR UPDATE";
    public string ForShare => "FOR SHARE";
    public string Bytewise(string column) => $"{column} COLLATE \"C\"";
}

/// <summary>The words in braces of the schema's text.</summary>
internal static class SchemaWords
{
    public static string Replace(ISqlDialect dialect, string sql) => dialect is SqliteDialect
        ? sql.Replace("{bytes}", "BLOB").Replace("{id}", "INTEGER").Replace("{ccollate}", "")
            .Replace("{clustered}", "WITHOUT ROWID").Replace("{transaction}", "0")
        : sql.Replace("{bytes}", "BYTEA").Replace("{id}", "BIGINT").Replace("{ccollate}", "COLLATE \"C\"")
            .Replace("{clustered}", "").Replace("{transaction}", "(pg_current_xact_id()::text::bigint)");
}

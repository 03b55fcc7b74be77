using System.Data.Common;
using System.Globalization;
using Npgsql;

namespace Orleans.DOS.Catalog;

/// <summary>What we add to an operator's connection string; what it says itself is kept.</summary>
internal static class PostgresConnectionStrings
{
    public static string ForCatalog(string connectionString)
    {
        var (builder, given) = Parse(connectionString);
        Default(given, ["Maximum Pool Size", "MaxPoolSize"], () => builder.MaxPoolSize = Limits.CatalogConnectionsMax);
        Default(given, ["Max Auto Prepare"], () => (builder.MaxAutoPrepare, builder.AutoPrepareMinUsages) = (200, 2));
        // Our transactions leave nothing behind in a session that the next one could find; resetting it costs each of them seven statements.
        Default(given, ["No Reset On Close", "NoResetOnClose"], () => builder.NoResetOnClose = true);
        // Every statement of ours goes by a key. A prepared plan made while a table was all but empty would go on reading the whole
        // table, for each statement, until the first ANALYZE; what has no index to go by is still read as a whole.
        builder.Options = $"-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off {builder.Options}".TrimEnd();
        AddCommon(builder, given);
        return builder.ToString();
    }

    /// <summary>
    /// For Orleans' providers: few connections, since membership, reminders and rare states are all that they serve. The text
    /// differs from ours, so Npgsql gives them a pool of their own and our load cannot starve membership.
    /// </summary>
    public static string ForOrleans(string connectionString)
    {
        var (builder, given) = Parse(connectionString);
        builder.MaxPoolSize = 10;
        builder.MinPoolSize = 0;
        AddCommon(builder, given);
        return builder.ToString();
    }

    private static void AddCommon(NpgsqlConnectionStringBuilder builder, DbConnectionStringBuilder given)
    {
        Default(given, ["Timeout"], () => builder.Timeout = (int)Limits.CallTimeout.TotalSeconds);
        Default(given, ["Command Timeout", "CommandTimeout"],
            () => builder.CommandTimeout = (int)Limits.CatalogStatementTimeout.TotalSeconds + 1);
        Default(given, ["Application Name", "ApplicationName"], () => builder.ApplicationName = "orleans-dos");

        // As options of the session, not SET, which a reset of the session would undo. Ours come first, so that the operator's win.
        builder.Options = string.Create(CultureInfo.InvariantCulture,
            $"-c idle_in_transaction_session_timeout={Milliseconds(Limits.CatalogIdleTransactionTimeout)} -c lock_timeout={Milliseconds(Limits.CatalogLockTimeout)} -c statement_timeout={Milliseconds(Limits.CatalogStatementTimeout)} {builder.Options}").TrimEnd();
    }

    private static (NpgsqlConnectionStringBuilder Builder, DbConnectionStringBuilder Given) Parse(string connectionString)
    {
        try
        {
            return (new NpgsqlConnectionStringBuilder(connectionString), new DbConnectionStringBuilder { ConnectionString = connectionString });
        }
        catch (Exception failure) when (failure is ArgumentException or FormatException or KeyNotFoundException)
        {
            // The text may hold a password: tell the reason, never the text.
            throw new DosException(DosErrorCode.InvalidArgument, "The PostgreSQL connection string is malformed");
        }
    }

    private static void Default(DbConnectionStringBuilder given, string[] keywords, Action set)
    {
        if (!keywords.Any(given.ContainsKey))
        {
            set();
        }
    }

    private static long Milliseconds(TimeSpan time) => (long)time.TotalMilliseconds;
}

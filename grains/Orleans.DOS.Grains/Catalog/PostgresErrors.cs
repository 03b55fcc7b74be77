using System.Net.Sockets;
using Npgsql;

namespace Orleans.DOS.Catalog;

/// <summary>What PostgreSQL's failures mean to a caller. The exception itself stays here: it could not be sent to another node.</summary>
internal static class PostgresErrors
{
    /// <summary>The database undid the transaction because of others; running it again is right.</summary>
    public static bool IsRetryable(Exception failure) =>
        failure is PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected };

    public static Exception Map(Exception failure) => failure switch
    {
        PostgresException postgres => Map(postgres),
        NpgsqlException or SocketException or IOException or TimeoutException =>
            Unavailable($"The catalog database cannot be reached ({Text(failure)})"),
        ObjectDisposedException => Unavailable("The catalog is closing"),
        _ => failure,
    };

    /// <summary>
    /// Of a COMMIT. An answer that refuses it is certain; when the answer is lost, or the server ended the session, the commit may
    /// stand.
    /// </summary>
    public static Exception MapCommit(Exception failure) => failure switch
    {
        PostgresException postgres when !EndsSession(postgres) => Map(postgres),
        NpgsqlException or SocketException or IOException or TimeoutException or InvalidOperationException =>
            new DosException(DosErrorCode.OutcomeUnknown, $"The answer of the catalog database to a commit was lost ({Text(failure)})"),
        _ => failure,
    };

    private static DosException Map(PostgresException failure) => failure.SqlState switch
    {
        PostgresErrorCodes.DiskFull => new DosException(DosErrorCode.NoSpace, "The disk of the catalog database is full"),
        PostgresErrorCodes.UniqueViolation =>
            new DosException(DosErrorCode.Conflict, $"The catalog holds this already ({failure.ConstraintName})"),
        PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected =>
            Unavailable($"The catalog database undid a transaction {Limits.CatalogAttemptsMax} times because of others"),
        PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.QueryCanceled or "25P03" // idle in transaction
            or PostgresErrorCodes.ReadOnlySqlTransaction => Unavailable($"The catalog database gave up ({Text(failure)})"),
        _ when EndsSession(failure) || failure.SqlState.StartsWith("53", StringComparison.Ordinal)
            || failure.SqlState.StartsWith("58", StringComparison.Ordinal) || failure.SqlState.StartsWith("28", StringComparison.Ordinal)
            || failure.SqlState == PostgresErrorCodes.InvalidCatalogName =>
            Unavailable($"The catalog database cannot be used ({Text(failure)})"),
        _ => new DosException(DosErrorCode.Internal, $"The catalog refused a statement ({failure.SqlState}: {Text(failure)})"),
    };

    /// <summary>Shutdown, crash of the server, broken connection.</summary>
    private static bool EndsSession(PostgresException failure) =>
        failure.SqlState.StartsWith("57P", StringComparison.Ordinal) || failure.SqlState.StartsWith("08", StringComparison.Ordinal);

    private static DosException Unavailable(string what) => new(new DosError(DosErrorCode.Unavailable, what, TimeSpan.FromMilliseconds(500)));

    private static string Text(Exception failure) =>
        (failure is PostgresException postgres ? postgres.MessageText : failure.Message).ReplaceLineEndings(" ").TrimEnd('.', ' ');
}

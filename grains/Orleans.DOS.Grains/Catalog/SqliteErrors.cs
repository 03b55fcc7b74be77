using Microsoft.Data.Sqlite;

namespace Orleans.DOS.Catalog;

/// <summary>What SQLite's failures mean to a caller. The exception itself stays here: it could not be sent to another node.</summary>
internal static class SqliteErrors
{
    private const int Busy = 5, Locked = 6, Interrupted = 9, IoError = 10, Corrupt = 11, Full = 13, CannotOpen = 14, Constraint = 19, NotADatabase = 26;
    private const int ConstraintPrimaryKey = 1555, ConstraintUnique = 2067, ConstraintRowId = 2579;

    public static Exception Map(Exception failure) => failure is SqliteException sqlite ? Map(sqlite) : failure;

    /// <summary>After a failed COMMIT of an I/O error nobody can tell whether the log reached the disk.</summary>
    public static Exception MapCommit(Exception failure) => failure is SqliteException { SqliteErrorCode: IoError } sqlite
        ? new DosException(DosErrorCode.OutcomeUnknown, $"The catalog could not finish writing to its disk ({Text(sqlite)})")
        : Map(failure);

    private static DosException Map(SqliteException failure) => (failure.SqliteErrorCode, failure.SqliteExtendedErrorCode) switch
    {
        (Full, _) => new DosException(DosErrorCode.NoSpace, "The disk of the catalog is full"),
        (Busy or Locked or Interrupted, _) => Unavailable("The catalog is locked by another process", failure),
        (IoError, _) => Unavailable("The disk of the catalog answers with errors", failure),
        (CannotOpen, _) => Unavailable("The catalog file cannot be opened", failure),
        (Corrupt or NotADatabase, _) =>
            new DosException(DosErrorCode.Damaged, $"The catalog file is damaged, or is none ({Text(failure)})"),
        (Constraint, ConstraintPrimaryKey or ConstraintUnique or ConstraintRowId) =>
            new DosException(DosErrorCode.Conflict, $"The catalog holds this already ({Text(failure)})"),
        _ => new DosException(DosErrorCode.Internal, $"The catalog refused a statement ({Text(failure)})"),
    };

    private static DosException Unavailable(string what, SqliteException failure) =>
        new(new DosError(DosErrorCode.Unavailable, $"{what} ({Text(failure)})", TimeSpan.FromMilliseconds(500)));

    private static string Text(SqliteException failure) => failure.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ');
}

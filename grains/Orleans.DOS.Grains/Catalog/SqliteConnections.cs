using Microsoft.Data.Sqlite;

namespace Orleans.DOS.Catalog;

/// <summary>How connections to the SQLite file are opened, for each use.</summary>
internal static class SqliteConnections
{
    private static readonly Lock CreationLock = new();

    /// <summary>Foreign keys stay unenforced and pooling on: Orleans opens a connection for each of its statements.</summary>
    public static string ForOrleans(string path)
    {
        SqliteBusyTimeout.Register();
        return new SqliteConnectionStringBuilder { DataSource = path, DefaultTimeout = 30 }.ToString();
    }

    /// <summary>A connection that can write. FULL: with NORMAL a power cut loses the last commits.</summary>
    public static SqliteConnection OpenWriter(string path)
    {
        CreatePrivately(path);
        return Open(path, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;", SqliteOpenMode.ReadWriteCreate);
    }

    public static SqliteConnection OpenReader(string path) =>
        Open(path, "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY;", SqliteOpenMode.ReadWrite);

    private static SqliteConnection Open(string path, string pragmas, SqliteOpenMode mode)
    {
        SqliteBusyTimeout.Register();

        // SQLite itself waits (busy timeout); the driver's own wait would come on top of it.
        var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, Pooling = false, DefaultTimeout = 1 }.ToString());
        try
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = pragmas;
            command.CommandTimeout = (int)Limits.CatalogBusyTimeout.TotalSeconds; // changing to WAL does not wait inside SQLite
            command.ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>SQLite would create the file readable for all; what it adds beside it later takes the file's mode.</summary>
    private static void CreatePrivately(string path)
    {
        // Closing a descriptor of an open SQLite file would drop this process' locks on it, hence only a new file, and one at a time.
        lock (CreationLock)
        {
            if (System.IO.File.Exists(path) || !Directory.Exists(System.IO.Path.GetDirectoryName(path)))
            {
                return;
            }
            try
            {
                var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
                if (!OperatingSystem.IsWindows())
                {
                    options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                }
                new FileStream(path, options).Dispose();
            }
            catch (IOException) when (System.IO.File.Exists(path))
            {
                // Another node on this host was quicker.
            }
            catch (UnauthorizedAccessException)
            {
                // Opening the connection fails next, with SQLite's own reason.
            }
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Orleans.DOS.Catalog;

/// <summary>
/// Lets every SQLite connection of this process wait inside SQLite for another process' write lock. Without it the driver polls
/// with blocking sleeps of 150 ms on a pool thread, which starves the pool and thereby Orleans' probes; and Orleans' AdoNet
/// providers open their connections themselves, from a connection string that has no word for it.
/// </summary>
public static unsafe partial class SqliteBusyTimeout
{
    private static readonly Lazy<int> Registration = new(static () =>
    {
        SQLitePCL.Batteries_V2.Init();
        return sqlite3_auto_extension((delegate* unmanaged[Cdecl]<nint, nint, nint, int>)&OnOpen);
    });

    /// <summary>Connections opened from now on wait up to <see cref="Limits.CatalogBusyTimeout"/>. Calling it again changes nothing.</summary>
    public static void Register()
    {
        if (Registration.Value != 0)
        {
            throw new InvalidOperationException($"sqlite3_auto_extension answered {Registration.Value}");
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnOpen(nint database, nint errorMessage, nint api) =>
        sqlite3_busy_timeout(database, (int)Limits.CatalogBusyTimeout.TotalMilliseconds);

    [LibraryImport("e_sqlite3")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    private static partial int sqlite3_auto_extension(delegate* unmanaged[Cdecl]<nint, nint, nint, int> entryPoint);

    [LibraryImport("e_sqlite3")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    private static partial int sqlite3_busy_timeout(nint database, int milliseconds);
}

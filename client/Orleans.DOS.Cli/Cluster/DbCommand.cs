using System.CommandLine;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>The catalog's database. The node's executable does the work: it alone knows the schema.</summary>
internal static class DbCommand
{
    private static readonly Option<string?> Postgres = new("--postgres") { Description = "Connection string of PostgreSQL (default: $DOS_POSTGRES, else SQLite in the directory)" };

    public static Command Create() => new("db", "The catalog's database")
    {
        Session.On(new Command("migrate", "Bring the schema up to date, before nodes with --no-migrate start") { Postgres }, MigrateAsync),
    };

    private static async Task MigrateAsync(Session session, CancellationToken cancellation)
    {
        List<string> lines = [];
        using var migration = NodeProcess.Start(NodeStart.Migration(session.Data, session.Get(Postgres)), lines.Add, _ => { });
        var code = await migration.RunAsync(cancellation);
        cancellation.ThrowIfCancellationRequested();
        if (code != 0)
        {
            throw new DosException(migration.Said ?? new DosError(DosErrorCode.Internal, $"the migration ended with {code} and did not say why"));
        }
        var told = string.Join("; ", lines);
        if (session.Json)
        {
            Printer.Json(new { result = told });
            return;
        }
        Console.Out.WriteLine(told);
    }
}

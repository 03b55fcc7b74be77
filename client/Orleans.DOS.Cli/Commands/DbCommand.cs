using Orleans.DOS.Cli.Supervisor;

namespace Orleans.DOS.Cli.Commands;

internal static class DbCommand
{
    public static Command Make()
    {
        var postgres = new Option<string?>("--postgres") { Description = "Connection string (default: $DOS_POSTGRES, else the SQLite file in the data directory)" };
        var migrate = new Command("migrate", "Brings the database to this release's schema") { postgres };
        migrate.SetAction(async (parsed, cancellation) =>
        {
            var settings = new NodeSettings(Globals.DataDirectory(parsed), "migrate", 1, 1, parsed.GetValue(postgres), null) { MigrateOnly = true };
            using var node = NodeProcess.Start(settings);
            await node.Exited.WaitAsync(cancellation);
            return node.ExitCode;
        });
        return new Command("db", "The catalog's database") { migrate };
    }
}
